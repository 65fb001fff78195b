/** The life of one request, in order: classify, admit, forward, release, report. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { isLanewayError, LanewayError } from "../core/errors.ts";
import type { Laneway } from "../policy/laneway.ts";
import type { BodyMemory } from "./body-memory.ts";
import { Call } from "./call.ts";
import { classify, mustReadBody, needsModel, readBody, readModel } from "./classify.ts";
import type { Route } from "./classify.ts";
import { IdleWatch } from "./idle.ts";
import { GatewayMarks } from "./marks.ts";
import { refuse } from "./refuse.ts";
import { Refused } from "./refused.ts";
import { Counters } from "./report.ts";
import { Returning } from "./returning.ts";
import { run } from "./run.ts";
import type { RunContext } from "./run.ts";
import type { RequestHandler } from "./server.ts";
import { Upstreams } from "./upstream.ts";

/** Another replica may take it at once; no replica at all takes it sooner than the next second. */
const DRAINING = { code: "LANEWAY_DRAINING", reason: "draining", retryAfterMs: 1_000 } as const;

/**
 * How many requests of one connection may be without their answer; a client that sends more behind them is cut off. Each may
 * hold a seat, and Node stops reading a connection whose replies pile up, after which nobody sees that its client has left.
 */
const UNANSWERED_MAX = 100;

/** What a client's connection has going. */
class Connection {
  newest: Call | undefined = undefined;
  unanswered = 0;
  /** For each of its calls, when its reply has left or its client has. */
  readonly onClosed: () => void;

  constructor(onClosed: () => void) {
    this.onClosed = () => {
      this.unanswered--;
      onClosed();
    };
  }

  takes(call: Call): void {
    this.newest = call;
    this.unanswered++;
  }
}

export class Service implements RequestHandler {
  readonly laneway: Laneway;
  readonly upstreams: Upstreams;
  readonly counters: Counters = new Counters();
  /** From here on every reply asks the client to leave. */
  draining = false;
  private readonly log: (line: string) => void;
  private readonly memory: BodyMemory;
  private readonly marks: GatewayMarks;
  private readonly connections = new WeakMap<Duplex, Connection>();
  /** Requests whose reply has not left entirely. */
  private open = 0;
  private onIdle: (() => void) | undefined = undefined;
  private readonly closed = (): void => {
    if (--this.open === 0) this.onIdle?.();
  };
  private readonly context: RunContext;

  constructor(laneway: Laneway, log: (line: string) => void, memory: BodyMemory) {
    this.laneway = laneway;
    this.memory = memory;
    this.marks = new GatewayMarks(laneway);
    this.upstreams = new Upstreams(laneway, this.marks);
    this.log = log;
    this.context = {
      upstreams: this.upstreams,
      counters: this.counters,
      idle: new IdleWatch(),
      returning: new Returning(),
      lastReply: () => this.draining,
    };
  }

  /** Never rejects. */
  async serve(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): Promise<void> {
    const connection = this.connectionOf(req.socket);
    if (connection.unanswered >= UNANSWERED_MAX) return void req.socket.destroy();
    const { onClosed } = connection;
    const call = new Call(req, res, { expectsContinue, memory: this.memory, onClosed });
    connection.takes(call);
    let route: Route | undefined;
    this.open++;
    try {
      if (this.draining) throw new LanewayError("this gateway is shutting down", DRAINING);
      const { maxBodyBytes } = this.laneway.policy.gateway;
      if (needsModel(call, this.upstreams)) await readModel(call, maxBodyBytes);
      route = classify(call, this.laneway, this.upstreams);
      this.marks.reply(res, route.classification.lane);
      this.counters.claim(route.classification);
      if (mustReadBody(call, route)) await readBody(call, route, maxBodyBytes);
      await run(call, route, this.context);
    } catch (error) {
      this.fail(call, route, error);
    }
  }

  /**
   * Refuses newcomers and resolves when everything that was accepted is answered, or after `timeoutMs`; what still
   * waits for a seat then is refused.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.draining = true;
    await Promise.all([this.laneway.drain({ timeoutMs }), this.idle(timeoutMs)]);
  }

  private connectionOf(socket: Duplex): Connection {
    let connection = this.connections.get(socket);
    if (connection === undefined) this.connections.set(socket, (connection = new Connection(this.closed)));
    return connection;
  }

  private idle(timeoutMs: number): Promise<void> {
    if (this.open === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  broken(socket: Duplex, message: string): boolean {
    const call = this.connections.get(socket)?.newest;
    if (call === undefined || call.res.writableFinished) return false;
    // A request whose own body is broken answers for it. What comes behind a complete one is no request, and a 400 of its
    // own would be taken for the reply to that one: the connection can only be cut.
    if (call.req.complete) socket.destroy();
    else call.stop(new Refused("bad-request", message));
    return true;
  }

  private fail(call: Call, route: Route | undefined, error: unknown): void {
    if (isLanewayError(error) && error.code === "LANEWAY_UPSTREAM" && route !== undefined) {
      this.counters.upstreamFailure(route.upstream.name, error.reason);
    }
    const onBug = (bug: unknown): void => {
      const what = bug instanceof Error ? (bug.stack ?? bug.message) : String(bug);
      this.log(`request ${call.id} failed inside the gateway: ${what}`);
    };
    try {
      if (route === undefined) this.marks.reply(call.res, undefined);
      refuse(call, route, error, { lastReply: this.draining || call.stopReason !== undefined, onBug });
    } catch (bug) {
      onBug(bug);
      call.res.destroy();
    }
  }
}
