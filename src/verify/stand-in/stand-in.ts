/**
 * A stand-in for an AI provider on loopback: the real protocols, a made-up model that works on so many calls at once
 * and takes so long for each. Which protocol a call speaks is told by its path and headers, as providers' own do.
 */

import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { anthropicDialect } from "./anthropic.ts";
import { StandInError } from "./dialect.ts";
import type { Dialect, ModelAnswer, QuickAnswer, StandInCall, StandInFailure } from "./dialect.ts";
import { Gate } from "./gate.ts";
import { openaiDialect } from "./openai.ts";

/** What a test or a demo may choose; every field has a default. */
export interface StandInOptions {
  /** Calls worked on at once. Default 8. */
  readonly atOnce?: number;
  /** How long one call takes, in milliseconds; a stream's parts are spread over it. Default 200. */
  readonly runMs?: number;
  /** What a call meets when all are busy: a queue, as before a self-hosted model, or an error. Default "queue". */
  readonly whenFull?: "queue" | "reject";
  /** Awaited before each part instead of the clock, so that a test decides when the model goes on. */
  readonly pace?: (part: {
    readonly index: number;
    readonly count: number;
    readonly user: string;
  }) => Promise<void>;
  /** An error to answer a call with, instead of working on it. */
  readonly fail?: (call: StandInCall) => StandInFailure | undefined;
  /** Told of every call when it has been read, before anything else is done with it. */
  readonly onCall?: (call: StandInCall) => void;
}

/** What a stand-in has seen so far. */
export interface StandInStats {
  readonly running: number;
  readonly waiting: number;
  /** The most calls ever present at once, running or queued. */
  readonly mostAtOnce: number;
  readonly served: number;
  /** Calls whose caller left before the reply was written whole. */
  readonly abandoned: number;
  readonly refused: number;
  /** Calls being worked on, by the user that their bodies name. */
  readonly runningByUser: Readonly<Record<string, number>>;
}

/** A running stand-in. */
export interface StandIn {
  readonly url: string;
  stats(): StandInStats;
  close(): Promise<void>;
}

const DEFAULT_AT_ONCE = 8;
const DEFAULT_RUN_MS = 200;
const MAX_BODY_BYTES = 32 * 1024 * 1024;
/** Longer than any pause of a caller, so that a kept connection is never closed under a request. */
const KEEP_ALIVE_MS = 120_000;

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const desk = new Desk(options);
  const server = createServer((request, response) => void desk.serve(request, response));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stats: () => desk.stats(), close: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

class Desk {
  readonly #options: StandInOptions;
  readonly #gate: Gate;
  readonly #anthropic = anthropicDialect();
  readonly #openai = openaiDialect();
  readonly #runningByUser = new Map<string, number>();
  #served = 0;
  #abandoned = 0;
  #refused = 0;

  constructor(options: StandInOptions) {
    this.#options = options;
    this.#gate = new Gate(options.atOnce ?? DEFAULT_AT_ONCE);
  }

  stats(): StandInStats {
    return {
      running: this.#gate.running,
      waiting: this.#gate.waiting,
      mostAtOnce: this.#gate.most,
      served: this.#served,
      abandoned: this.#abandoned,
      refused: this.#refused,
      runningByUser: Object.fromEntries(this.#runningByUser),
    };
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    if (path === "/") return writeQuick(response, { status: 200, headers: {}, body: "" });
    const dialect = this.#dialectOf(path, request);
    const body = await readBody(request).catch(() => undefined);
    if (body === undefined) return writeQuick(response, dialect.failure(TOO_LARGE));
    const call: StandInCall = { method: request.method ?? "GET", path, header: headerReader(request), body };
    this.#options.onCall?.(call);
    const answer = this.#answer(dialect, call);
    if ("parts" in answer) return this.#work(dialect, answer, response);
    if (answer.status >= 400) this.#refused++;
    writeQuick(response, answer);
  }

  #dialectOf(path: string, request: IncomingMessage): Dialect {
    if (path.startsWith("/v1/messages")) return this.#anthropic;
    return request.headers["anthropic-version"] !== undefined ? this.#anthropic : this.#openai;
  }

  #answer(dialect: Dialect, call: StandInCall): QuickAnswer | ModelAnswer {
    const failure = this.#options.fail?.(call);
    if (failure !== undefined) return dialect.failure(failure);
    try {
      return dialect.answer(call);
    } catch (error) {
      if (error instanceof StandInError) return dialect.failure(error.failure);
      throw error;
    }
  }

  #work(dialect: Dialect, answer: ModelAnswer, response: ServerResponse): void {
    if (this.#gate.full && this.#options.whenFull === "reject") {
      this.#refused++;
      return writeQuick(response, dialect.failure(dialect.full));
    }
    let running = false;
    let ended = false;
    let leave = (): void => undefined;
    const end = (whole: boolean): void => {
      if (ended) return;
      ended = true;
      if (running) this.#count(answer.user, -1);
      if (whole) this.#served++;
      else this.#abandoned++;
      leave();
    };
    response.once("close", () => end(false));
    leave = this.#gate.enter(() => {
      running = true;
      this.#count(answer.user, 1);
      void this.#write(answer, response, end);
    });
  }

  async #write(answer: ModelAnswer, response: ServerResponse, end: (whole: boolean) => void): Promise<void> {
    const headers: Record<string, string> = { ...answer.headers, "content-type": answer.contentType };
    const last = answer.parts.length - 1;
    if (last === 0) headers["content-length"] = String(Buffer.byteLength(answer.parts[0] ?? ""));
    for (const [index, part] of answer.parts.entries()) {
      await this.#pause(index, answer);
      if (response.destroyed) return;
      if (!response.headersSent) response.writeHead(200, headers);
      if (index < last) {
        response.write(part);
        continue;
      }
      // The seat is given back before the last byte leaves: who sees the reply end may send the next call at once.
      end(true);
      response.end(part);
    }
  }

  async #pause(index: number, answer: ModelAnswer): Promise<void> {
    const count = answer.parts.length;
    if (this.#options.pace !== undefined) await this.#options.pace({ index, count, user: answer.user });
    else await delay((this.#options.runMs ?? DEFAULT_RUN_MS) / count);
  }

  #count(user: string, change: number): void {
    const count = (this.#runningByUser.get(user) ?? 0) + change;
    if (count === 0) this.#runningByUser.delete(user);
    else this.#runningByUser.set(user, count);
  }
}

const TOO_LARGE: StandInFailure = {
  status: 413,
  type: "request_too_large",
  message: "Request exceeds the maximum allowed number of bytes.",
};

function headerReader(request: IncomingMessage): (name: string) => string | undefined {
  return (name) => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error("body too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function writeQuick(response: ServerResponse, answer: QuickAnswer): void {
  const length = Buffer.byteLength(answer.body);
  response.writeHead(answer.status, {
    "content-type": "application/json",
    ...answer.headers,
    "content-length": length,
  });
  response.end(answer.body);
}
