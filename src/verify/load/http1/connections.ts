/**
 * The connections of a generator of load: each has one request at a time, as so many separate clients would have, is
 * kept for the next, and is made when all are taken.
 *
 * Why not undici's, which the rest of Laneway uses: an open loop needs as many connections as the service leaves
 * waiting, thousands when it is overloaded. On one core of two, against a server that does nothing, 64 connections
 * asking at once: a request costs undici's `Client` 18 µs, this 9; with 512 it is 27 to 33 against 12 to 15, and a new
 * connection ten times a request. At 20,000 requests a second a hiccup of the service then makes more connections than
 * undici has time for, and the generator falls seconds behind; this one catches up.
 */

import { connect } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ReplyError, ReplyReader } from "./reply.ts";
import type { ReplyHeaders } from "./reply.ts";

/** A request as it is sent. */
export interface Http1Request {
  readonly bytes: Buffer;
  /** The reply has no body, whatever it says: HEAD. */
  readonly bodiless: boolean;
  /** May be sent again when a kept connection turns out to be closed: GET, HEAD, PUT, DELETE, OPTIONS. */
  readonly idempotent: boolean;
}

/** Who waits for a reply: told of its head once, then of its end or of why there is none. */
export interface ReplyWaiter {
  replied(status: number, headers: ReplyHeaders): void;
  ended(): void;
  /** `code` is Node's code of the error, such as ECONNREFUSED, or empty. */
  failed(message: string, code: string): void;
}

/** Where connections lead. */
export interface Http1Target {
  readonly host: string;
  readonly port: number;
  /** The name that the certificate must have; absent for plain HTTP. */
  readonly tlsName?: string | undefined;
}

/** Servers close what is idle for five seconds (Node) or more; a request sent just then would be lost. */
const IDLE_MAX_MS = 4_000;

/** Requests to one target. */
export class Http1Connections {
  readonly #target: Http1Target;
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();
  readonly #now: () => number;

  constructor(target: Http1Target, now: () => number = performance.now.bind(performance)) {
    this.#target = target;
    this.#now = now;
  }

  /** Connections that are open, in use or not. */
  get open(): number {
    return this.#open.size;
  }

  /** Sends a request; `abandon` of what is returned gives it up, after which its waiter hears nothing more. */
  send(request: Http1Request, waiter: ReplyWaiter): Connection {
    // The one used last is most likely still open, and the others are left to go cold.
    for (let kept = this.#idle.pop(); kept !== undefined; kept = this.#idle.pop()) {
      if (this.#now() - kept.idleSince > IDLE_MAX_MS) kept.destroy();
      else if (kept.usable) return kept.send(request, waiter);
    }
    return this.#connect().send(request, waiter);
  }

  /** Closes what nobody has used lately. */
  sweep(): void {
    const before = this.#now() - IDLE_MAX_MS;
    const cold = this.#idle.findIndex(({ idleSince }) => idleSince > before);
    for (const connection of this.#idle.splice(0, cold === -1 ? this.#idle.length : cold))
      connection.destroy();
  }

  /** Closes all connections. Waiters are told nothing. */
  close(): void {
    for (const connection of this.#open) connection.destroy();
    this.#idle.length = 0;
  }

  #connect(): Connection {
    const connection: Connection = new Connection(this.#target, {
      freed: () => {
        connection.idleSince = this.#now();
        this.#idle.push(connection);
      },
      gone: () => void this.#open.delete(connection),
      again: (request, waiter) => this.#connect().send(request, waiter),
    });
    this.#open.add(connection);
    return connection;
  }
}

interface Owner {
  readonly freed: () => void;
  readonly gone: () => void;
  /** Sends on a new connection what a kept one had lost before a byte came back. */
  readonly again: (request: Http1Request, waiter: ReplyWaiter) => Connection;
}

/** One connection: its request in flight, if there is one. */
export class Connection {
  idleSince = 0;
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  readonly #owner: Owner;
  #waiter: ReplyWaiter | undefined;
  #request: Http1Request | undefined;
  #replies = 0;
  #heard = false;
  #begun = false;
  #destroyed = false;
  /** The connection that took over the request. */
  #heir: Connection | undefined;

  constructor({ host, port, tlsName }: Http1Target, owner: Owner) {
    this.#owner = owner;
    const socket =
      tlsName === undefined
        ? connect({ host, port, noDelay: true })
        : connectTls({ host, port, servername: tlsName, ALPNProtocols: ["http/1.1"] });
    this.#socket = socket;
    socket.on("data", (bytes) => this.#read(bytes));
    socket.on("end", () => this.#closed());
    socket.on("error", (error: NodeJS.ErrnoException) => this.#fail(error.message, error.code ?? ""));
    socket.on("close", () => {
      this.#fail("the connection was closed before the reply was whole", "ECONNRESET");
      owner.gone();
    });
  }

  get usable(): boolean {
    return !this.#destroyed;
  }

  send(request: Http1Request, waiter: ReplyWaiter): Connection {
    this.#waiter = waiter;
    this.#request = request;
    this.#heard = false;
    this.#begun = false;
    this.#reader.expect(request.bodiless);
    this.#socket.write(request.bytes);
    return this;
  }

  /** The waiter does not want the reply any more. It is told nothing, and the connection is closed. */
  abandon(): void {
    this.#waiter = undefined;
    if (this.#heir === undefined) this.destroy();
    else this.#heir.abandon();
  }

  destroy(): void {
    this.#destroyed = true;
    this.#waiter = undefined;
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    // Bytes that nobody asked for: the service broke the protocol, or a reply came after it was given up.
    if (this.#waiter === undefined) return this.destroy();
    this.#heard = true;
    let over: boolean;
    try {
      over = this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error;
      return this.#fail(error.message, "");
    }
    if (!this.#begun && this.#reader.begun) {
      this.#begun = true;
      this.#waiter.replied(this.#reader.status, this.#reader.headers);
    }
    if (over) this.#over();
  }

  #over(): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    this.#replies++;
    if (this.#reader.keepAlive && !this.#destroyed) this.#owner.freed();
    else this.destroy();
    waiter?.ended();
  }

  #closed(): void {
    if (this.#waiter !== undefined && this.#reader.closed()) return this.#over();
    this.#fail("the connection was closed before the reply was whole", "ECONNRESET");
  }

  #fail(message: string, code: string): void {
    const waiter = this.#waiter;
    const request = this.#request;
    const lostInKeeping = this.#replies > 0 && !this.#heard;
    this.destroy();
    if (waiter === undefined || request === undefined) return;
    if (lostInKeeping && request.idempotent) this.#heir = this.#owner.again(request, waiter);
    else waiter.failed(message, code);
  }
}
