/** A gateway on real sockets with an upstream that the test holds in its hands. */

import { once } from "node:events";
import { createServer, request } from "node:http";
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";
import type { Clock } from "../../src/core/clock.ts";
import type { LaneSnapshot } from "../../src/core/snapshot.ts";
import { startGateway } from "../../src/gateway/index.ts";
import type { Gateway, GatewayOptions } from "../../src/gateway/index.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";

/** One request as the upstream sees it. */
export interface Arrival {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Resolves when the connection is gone before the reply was complete. */
  readonly cutOff: Promise<void>;
}

export interface Upstream {
  readonly url: string;
  /** The next request that has not been taken yet. */
  next(): Promise<Arrival>;
  /** Requests seen so far, and connections. */
  readonly seen: number;
  readonly connections: number;
  stop(): Promise<void>;
}

/** An upstream whose requests wait to be answered by the test, or are answered by `handler`. */
export async function startUpstream(
  t: TestContext,
  handler?: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<Upstream> {
  const waiting: Arrival[] = [];
  const takers: ((arrival: Arrival) => void)[] = [];
  let seen = 0;
  let connections = 0;
  const server = createServer({ keepAliveTimeout: 60_000, maxHeaderSize: 65_536 }, (req, res) => {
    seen++;
    if (handler !== undefined) return handler(req, res);
    const cutOff = new Promise<void>((resolve) =>
      res.once("close", () => {
        if (!res.writableFinished) resolve();
      }),
    );
    const taker = takers.shift();
    if (taker === undefined) waiting.push({ req, res, cutOff });
    else taker({ req, res, cutOff });
    return undefined;
  });
  server.on("connection", () => connections++);
  const url = await open(t, server);
  return {
    url,
    next: () => {
      const arrival = waiting.shift();
      return arrival === undefined
        ? new Promise((resolve) => takers.push(resolve))
        : Promise.resolve(arrival);
    },
    get seen() {
      return seen;
    },
    get connections() {
      return connections;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An upstream on bare sockets: `speak` is called with each connection once its first bytes have arrived. */
export async function startRawUpstream(
  t: TestContext,
  speak: (socket: Socket, request: string) => void,
): Promise<string> {
  const { createServer: createNetServer } = await import("node:net");
  const sockets = new Set<Socket>();
  const server = createNetServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => speak(socket, chunk.toString("latin1")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function open(t: TestContext, server: ReturnType<typeof createServer>): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A gateway on a policy given as text; with a clock, its waits and time-outs are in that clock's time. */
export async function gatewayOn(
  t: TestContext,
  policy: string,
  { clock, ...options }: Partial<GatewayOptions> & { readonly clock?: Clock } = {},
): Promise<Gateway> {
  const laneway = new Laneway(
    await parsePolicy(policy, { file: "laneway.yaml", env: {} }),
    clock === undefined ? {} : { clock },
  );
  const gateway = await startGateway({ laneway, listen: "127.0.0.1:0", admin: false, ...options });
  t.after(() => gateway.close());
  return gateway;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly text: string;
  json(): any;
}

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal;
}

/** Starts asking on a connection of its own. */
export function begin(url: string, { method, headers = {}, body, signal }: Question = {}): ClientRequest {
  const req = request(url, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: headers as Record<string, string>,
    agent: false,
    ...(signal === undefined ? {} : { signal }),
  });
  req.on("error", () => {});
  req.end(body);
  return req;
}

/** Asks on a connection of its own and reads the whole reply. */
export async function ask(url: string, question: Question = {}): Promise<Reply> {
  const [res] = (await once(begin(url, question), "response")) as [IncomingMessage];
  return read(res);
}

export async function read(res: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk as Buffer);
  const whole = Buffer.concat(chunks);
  return {
    status: res.statusCode!,
    headers: res.headers,
    rawHeaders: res.rawHeaders,
    body: whole,
    text: whole.toString(),
    json: () => JSON.parse(whole.toString()),
  };
}

/** A bare connection: what is written goes out as it is, and everything that comes back is kept. */
export class Wire {
  readonly socket: Socket;
  received = "";
  private readonly closed: Promise<unknown>;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.on("error", () => this.socket.destroy());
    this.socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
    });
    this.closed = once(this.socket, "close");
  }

  /** Sends text as it is. */
  send(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** Resolves when what was received holds `text`; rejects when the connection closes without it. */
  async until(text: string): Promise<string> {
    while (!this.received.includes(text)) {
      if (this.socket.destroyed)
        throw new Error(`the connection closed without ${JSON.stringify(text)}; received: ${this.received}`);
      await Promise.race([once(this.socket, "data"), this.closed]);
    }
    return this.received;
  }

  /** Everything received until the other side closed. */
  async untilClosed(): Promise<string> {
    await this.closed;
    return this.received;
  }
}

/** Resolves when `condition` holds, which is looked at in every turn of the event loop. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** The state of one resource's lane, and of the resource. */
export function stateOf(
  gateway: Gateway,
  resource = "http",
  lane = "normal",
): { seatsInUse: number; waiting: number; lane: LaneSnapshot } {
  const { seatsInUse, waiting, lanes } = gateway.laneway.resource(resource).snapshot();
  return { seatsInUse, waiting, lane: lanes.find(({ name }) => name === lane)! };
}

/** What `length` settles at: unchanged for many turns of the event loop, which gateway and both ends share. */
export async function settled(length: () => number): Promise<number> {
  let last = -1;
  for (let same = 0; same < 300; same++) {
    if (length() !== last) same = 0;
    last = length();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return last;
}
