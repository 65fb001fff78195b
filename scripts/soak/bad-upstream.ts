/** An upstream on bare sockets that answers each request in another way, most of them wrong. All chance comes from a seed. */

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Random } from "../../src/testing/random.ts";
import { messageEvents, messageReply } from "../../test/gateway/ai-fixture.ts";

/** How an upstream behaves; chances that add up to at most 1, the rest is answered as it should be. */
export interface Manners {
  readonly broken: number;
  readonly slow: number;
  readonly errors: number;
}

/** A header of all its replies that are any good: a reply without it is the gateway's own. */
export const MARK: string = "x-upstream: bad\r\n";

const BODY = "x".repeat(2_000);

/** What is no answer to a request, or not a whole one. */
const BROKEN: readonly string[] = [
  "",
  "HTTP/1.1 200 OK\r\ncontent-le",
  "220 mail.example ESMTP\r\n",
  "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
  "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this much",
  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nZZZ\r\n",
  "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
  `HTTP/1.1 200 OK\r\nx-a: ${"a".repeat(70_000)}\r\n\r\n`,
  `HTTP/1.1 200 OK\r\n${MARK}content-length: 5\r\n\r\nhello and more than was said`,
  `HTTP/1.1 204 No Content\r\n${MARK}content-length: 5\r\n\r\nhello`,
  // Nobody asked for it: undici takes it for a broken reply.
  `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n${MARK}content-length: 2\r\n\r\nok`,
  "\u0000\u0001\u0002\u0003\u0016\u0003\u0001",
];

/** Right, if not what everybody sends. */
const ODD: readonly string[] = [
  `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\nHTTP/1.1 200 OK\r\n${MARK}content-length: 2\r\n\r\nok`,
  `HTTP/1.1 304 Not Modified\r\n${MARK}etag: a\r\n\r\n`,
  `HTTP/1.1 200 OK\r\n${MARK}content-length: 0\r\nconnection: close\r\n\r\n`,
];

export class BadUpstream {
  /** A round that is played again draws again. */
  random: Random;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #owing = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  manners: Manners = { broken: 0.3, slow: 0.3, errors: 0.15 };
  requests = 0;
  url = "";

  constructor(random: Random) {
    this.random = random;
    this.#server = createServer({ noDelay: true }, (socket) => this.#connected(socket));
  }

  async open(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Requests that have no whole answer yet, on connections that are open. */
  get owed(): number {
    return this.#owing.size;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Cuts all connections, as a process does that is killed; the next ones are taken again. */
  die(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #connected(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#owing.delete(socket);
    });
    let text = "";
    let left = 0;
    socket.on("data", (chunk) => {
      const bytes = chunk.toString("latin1");
      // Of bodies only the end matters: what comes before it is no new request.
      if (left > 0) {
        left -= bytes.length;
        return;
      }
      text += bytes;
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/^content-length: (\d+)\r$/im.exec(text)?.[1] ?? 0);
      left = length - (text.length - end - 4);
      const request = text;
      text = "";
      this.requests++;
      this.#owing.add(socket);
      this.#answer(socket, request);
    });
  }

  #answer(socket: Socket, request: string): void {
    const { broken, slow, errors } = this.manners;
    const isModel = request.startsWith("POST /v1/messages");
    const chance = this.random.next();
    if (chance < broken / 2) this.#break(socket);
    else if (chance < broken) this.#cut(socket, this.#reply(isModel));
    else if (chance < broken + slow * 0.3) return; // Never.
    else if (chance < broken + slow) this.#trickle(socket, this.#reply(isModel));
    else {
      this.#owing.delete(socket);
      if (chance < broken + slow + errors) socket.write(this.#refusal(isModel));
      else if (chance < broken + slow + errors + 0.03 && !isModel) socket.write(this.random.pick(ODD));
      else socket.write(this.#reply(isModel));
    }
  }

  #reply(isModel: boolean): string {
    if (!isModel)
      return this.random.next() < 0.5 ? whole("text/plain", BODY) : chunked("text/plain", [BODY, BODY]);
    if (this.random.next() < 0.5) return whole("application/json", messageReply());
    return chunked("text/event-stream", messageEvents());
  }

  #refusal(isModel: boolean): string {
    const [status, more] = this.random.pick([
      ["429 Too Many Requests", "retry-after: 1\r\n"],
      ["429 Too Many Requests", "retry-after-ms: 20\r\n"],
      ["503 Service Unavailable", ""],
      ["500 Internal Server Error", "connection: close\r\n"],
      ["529 Overloaded", ""],
    ]);
    const body = isModel ? '{"type":"error","error":{"type":"overloaded_error","message":"No."}}' : "no";
    const type = isModel ? "application/json" : "text/plain";
    return `HTTP/1.1 ${status}\r\n${MARK}${more}content-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  }

  #break(socket: Socket): void {
    const says = this.random.pick(BROKEN);
    const after = this.random.pick(["end", "reset", "wait"]);
    if (after === "end") socket.end(says, "latin1");
    else if (after === "reset") socket.write(says, "latin1", () => socket.resetAndDestroy());
    else socket.write(says, "latin1");
  }

  /** A right answer, cut off at any byte. */
  #cut(socket: Socket, reply: string): void {
    const part = reply.slice(0, this.random.whole(0, reply.length - 1));
    const reset = this.random.next() < 0.5;
    socket.write(part, () => (reset ? socket.resetAndDestroy() : socket.destroy()));
  }

  /** A right answer in pieces with pauses, some so long that a time-out passes first. */
  #trickle(socket: Socket, reply: string): void {
    const pieces = this.random.whole(2, 6);
    const size = Math.ceil(reply.length / pieces);
    const step = this.random.pick([1, 10, 60]);
    const next = (at: number): void => {
      if (at >= reply.length) this.#owing.delete(socket);
      if (socket.destroyed || at >= reply.length) return;
      socket.write(reply.slice(at, at + size));
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        next(at + size);
      }, step);
      this.#timers.add(timer);
    };
    next(0);
  }
}

function whole(type: string, body: string): string {
  return `HTTP/1.1 200 OK\r\n${MARK}content-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

function chunked(type: string, pieces: readonly string[]): string {
  const head = `HTTP/1.1 200 OK\r\n${MARK}content-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`;
  const body = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("");
  return `${head}${body}0\r\n\r\n`;
}
