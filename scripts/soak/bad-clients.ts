/** Clients on bare sockets: some wait for their whole reply, some leave at any byte of it or of what they send. */

import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Random } from "../../src/testing/random.ts";
import { MARK } from "./bad-upstream.ts";
import { messageBody } from "../../test/gateway/ai-fixture.ts";

/** What became of one client. */
export interface Seen {
  /** It asked and waited: what it was told is what the gateway had to say, or it came late or not to an end. */
  readonly isWhole: boolean;
  /** All of its head was sent. */
  readonly isAsked: boolean;
  /** Of a reply that was complete, else undefined. */
  readonly status: number | undefined;
  /** That reply was the gateway's own and not the upstream's. */
  readonly isRefused: boolean;
  /** It began as the gateway's own, to keep a stream warm; how it went on is told in the stream. */
  readonly isWarm: boolean;
}

/** How a client leaves: in the middle of what it sends, of what it gets, after a while, or not. */
type Leaving =
  | { readonly sent: number }
  | { readonly received: number }
  | { readonly afterMs: number }
  | undefined;

/** Nobody waits longer for the rest of a reply; all of a request's time is over long before. */
const PATIENCE_MS = 2_000;

/** One request by one client, on a connection of its own. Resolves when the connection is closed. */
export function ask(url: string, random: Random, leavers: number): Promise<Seen> {
  const request = requestOf(random);
  const leaving = random.next() < leavers ? leavingOf(random, request.length) : undefined;
  const pieces = random.next() < 0.2 ? random.whole(2, 5) : 1;
  return new Exchange(url, request, leaving, pieces).seen;
}

const LANES = ["critical", "normal", "bulk"];

function requestOf(random: Random): string {
  const lane = random.pick(LANES);
  const flow = random.pick(["a", "b", "c", "d"]);
  const common = `host: gateway.test\r\nx-priority: ${lane}\r\nx-api-key: ${flow}\r\nconnection: close\r\n`;
  const kind = random.next();
  if (kind < 0.4) return `GET /page HTTP/1.1\r\n${common}\r\n`;
  const body =
    kind < 0.5
      ? "u".repeat(random.pick([10, 1_000, 200_000]))
      : messageBody({ stream: random.next() < 0.5, max_tokens: 20 });
  const path = kind < 0.5 ? "/upload" : "/v1/messages";
  return `POST ${path} HTTP/1.1\r\n${common}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

function leavingOf(random: Random, length: number): Leaving {
  const how = random.next();
  if (how < 0.3) return { sent: random.whole(0, length - 1) };
  if (how < 0.6) return { received: random.whole(1, 2_500) };
  return { afterMs: random.whole(0, 150) };
}

class Exchange {
  readonly seen: Promise<Seen>;
  readonly #socket: Socket;
  readonly #request: string;
  readonly #leaving: Leaving;
  readonly #chunks: Buffer[] = [];
  #received = 0;
  #timer: NodeJS.Timeout | undefined;
  #hasLeft = false;
  #sent = 0;

  constructor(url: string, request: string, leaving: Leaving, pieces: number) {
    const { hostname, port } = new URL(url);
    this.#request = request;
    this.#leaving = leaving;
    this.#socket = connect({ port: Number(port), host: hostname, noDelay: true });
    this.seen = new Promise((resolve) => {
      this.#socket.on("error", () => this.#socket.destroy());
      this.#socket.on("close", () => {
        clearTimeout(this.#timer);
        resolve(this.#outcome());
      });
    });
    this.#socket.on("connect", () => this.#send(pieces));
    this.#socket.on("data", (chunk) => this.#got(chunk));
    const isLeaving = leaving !== undefined && "afterMs" in leaving;
    this.#timer = setTimeout(
      () => (isLeaving ? this.#leave() : this.#socket.resetAndDestroy()),
      isLeaving ? leaving.afterMs : PATIENCE_MS,
    );
  }

  #send(pieces: number): void {
    const stop = this.#leaving !== undefined && "sent" in this.#leaving ? this.#leaving.sent : undefined;
    const text = this.#request.slice(0, stop);
    const size = Math.max(1, Math.ceil(text.length / pieces));
    const next = (): void => {
      if (this.#socket.destroyed) return;
      if (this.#sent >= text.length) {
        if (stop !== undefined) this.#leave();
        return;
      }
      const piece = text.slice(this.#sent, this.#sent + size);
      this.#sent += piece.length;
      this.#socket.write(piece, () => setImmediate(next));
    };
    next();
  }

  #got(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    if (
      this.#leaving !== undefined &&
      "received" in this.#leaving &&
      this.#received >= this.#leaving.received
    )
      this.#leave();
  }

  #leave(): void {
    this.#hasLeft = true;
    this.#socket.resetAndDestroy();
  }

  #outcome(): Seen {
    const text = Buffer.concat(this.#chunks).toString("latin1");
    const isAsked = this.#sent >= this.#request.indexOf("\r\n\r\n") + 4;
    return { isWhole: !this.#hasLeft, isAsked, ...replyOf(text) };
  }
}

/** What a reply says, once it is complete. */
function replyOf(text: string): Pick<Seen, "status" | "isRefused" | "isWarm"> {
  const none = { status: undefined, isRefused: false, isWarm: false };
  // What the upstream sends ahead of its answer is passed on.
  const reply = text.replace(/^(HTTP\/1\.1 1\d\d [^]*?\r\n\r\n)+/, "");
  const end = reply.indexOf("\r\n\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(reply)?.[1]);
  if (end < 0 || Number.isNaN(status)) return none;
  const head = reply.slice(0, end);
  const body = reply.slice(end + 4);
  if (status === 204 || status === 304) return { status, isRefused: false, isWarm: false };
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  const isWhole =
    length !== undefined
      ? body.length === Number(length)
      : !/^transfer-encoding: chunked/im.test(head) || body.endsWith("0\r\n\r\n");
  if (!isWhole) return none;
  const isOwn = !head.includes(MARK.trim());
  return { status, isRefused: isOwn && status >= 400, isWarm: isOwn && status < 400 };
}
