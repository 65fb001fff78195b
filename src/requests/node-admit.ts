/**
 * One request on its way through a Node server: waits for a seat, runs the handler in the async context of its lane, and
 * gives the seat back when the reply is over. `close` is what tells that, and nothing else does: not the handler's end,
 * nor a framework's hooks, some of which run before a stream has ended and some never after the client has left.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { isLanewayError } from "../core/errors.ts";
import type { LanewayError } from "../core/errors.ts";
import type { TaskOptions } from "../core/options.ts";
import type { Permit } from "../core/permit.ts";
import type { Reply } from "../core/task.ts";
import { asyncContext } from "../node/context.ts";
import { alreadyAdmitted, hold } from "./admission.ts";
import type { Admission } from "./admission.ts";
import { Around } from "./around.ts";
import type { Opened } from "./around.ts";
import type { Decision, Gate } from "./gate.ts";
import { isBehindOthers, whenClosed, whenInTurn } from "./node-closed.ts";
import { NodeFacts } from "./node-facts.ts";
import { answerLate, answerRefused } from "./node-reply.ts";
import { whenLate } from "./late.ts";
import { printable } from "../providers/refusal-kind.ts";
import { newRequestId } from "./request-id.ts";

/** A visitor's `shed` that calls `onShed`; it answers by itself, or leaves the usual reply to be sent. */
export function shedBy<Args extends readonly unknown[]>(
  onShed: ((refusal: LanewayError, ...args: Args) => unknown) | undefined,
  ...args: Args
): Visitor<never>["shed"] {
  if (onShed === undefined) return undefined;
  return async (refusal) => {
    await onShed(refusal, ...args);
    return false;
  };
}

/** What an adapter does with one request. */
export interface Visitor<Request> {
  /** What the adapter's user calls a request: handed to the functions of the options. */
  readonly request: Request;
  /** The lane that the request's route was given. */
  readonly lane?: string | undefined;
  /** The async context that the handler is going to run in, for a framework that goes on by itself. */
  readonly opened?: Opened | undefined;
  /** The seat is there: goes on to the handler. Called at most once; without `opened`, in the async context of the lane. */
  start(): void;
  /** Something other than a refusal went wrong before the handler ran. */
  fail(error: unknown): void;
  /** Refused: asks the user's own `onShed`, if there is one. Resolves with true when the framework is going to answer. */
  shed?: ((refusal: LanewayError) => Promise<boolean>) | undefined;
  /** The framework must not answer any more: we have, or the client has left. */
  over?: (() => void) | undefined;
}

/** A visitor of given parts. A class, for of what lives as long as a request nothing may be a literal (see `around.ts`). */
export class Visiting<Request> implements Visitor<Request> {
  readonly request: Request;
  readonly start: () => void;
  readonly fail: (error: unknown) => void;
  readonly shed: Visitor<Request>["shed"];
  readonly over: Visitor<Request>["over"];
  readonly lane: string | undefined;

  constructor(
    request: Request,
    start: () => void,
    fail: (error: unknown) => void,
    shed: Visitor<Request>["shed"],
    over?: Visitor<Request>["over"],
    lane?: string,
  ) {
    this.request = request;
    this.start = start;
    this.fail = fail;
    this.shed = shed;
    this.over = over;
    this.lane = lane;
  }
}

/** Admits a request and starts its handler, at once if a seat is free; answers it when it is refused. */
export function admit<Request, Shed>(
  gate: Gate<Request, Shed>,
  req: IncomingMessage,
  res: ServerResponse,
  visitor: Visitor<Request>,
): void {
  try {
    if (gate.options.skip?.(visitor.request) === true) return visitor.start();
    if (isBehindOthers(res) && gate.laneway.policy.enforce)
      return whenInTurn(req, res, (mine) => (mine ? enter(gate, req, res, visitor) : visitor.over?.()));
  } catch (error) {
    return visitor.fail(error);
  }
  enter(gate, req, res, visitor);
}

function enter<Request, Shed>(
  gate: Gate<Request, Shed>,
  req: IncomingMessage,
  res: ServerResponse,
  visitor: Visitor<Request>,
): void {
  let decision: Decision;
  try {
    decision = gate.decide(new NodeFacts(req), visitor.request, visitor.lane);
    const twice = alreadyAdmitted(req, decision.resource);
    if (twice !== undefined) return visitor.fail(twice);
  } catch (error) {
    return visitor.fail(error);
  }
  // It left while something before us was busy with it: `close` has been, and will not come again.
  if (res.destroyed) return visitor.over?.();
  new Visit(gate.tellsLane, req, res, visitor, decision).begin();
}

class Visit<Request> implements Admission, Reply {
  readonly lane: string;
  readonly flow: string;
  readonly rule: string;
  readonly deadline: number;
  private readonly decision: Decision;
  private readonly tellsLane: boolean;
  private readonly req: IncomingMessage;
  private readonly res: ServerResponse;
  private readonly visitor: Visitor<Request>;
  private permit: Permit | undefined = undefined;
  private closed = false;
  /** Gives up the wait, and later tells the handler. */
  private controller: AbortController | undefined = undefined;

  constructor(
    tellsLane: boolean,
    req: IncomingMessage,
    res: ServerResponse,
    visitor: Visitor<Request>,
    decision: Decision,
  ) {
    this.lane = decision.lane;
    this.flow = decision.flow;
    this.rule = decision.rule;
    this.deadline = decision.enforced ? performance.now() + decision.timeoutMs : Infinity;
    this.decision = decision;
    this.tellsLane = tellsLane;
    this.req = req;
    this.res = res;
    this.visitor = visitor;
  }

  get waitMs(): number {
    return this.permit?.waitMs ?? 0;
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.closed && !this.res.writableFinished) this.controller.abort(clientLeft());
    return this.controller.signal;
  }

  begin(): void {
    // Before anything waits: a client may leave at any moment, and "close" comes once.
    whenClosed(this.req, this.res, () => this.close());
    const { resource } = this.decision;
    try {
      const permit = resource.tryAcquire(this.task());
      if (permit !== undefined) return this.start(permit);
    } catch (error) {
      return this.visitor.fail(error);
    }
    const id = newRequestId();
    const { signal } = this;
    resource.acquire({ ...this.task(), id, signal }).then(
      (permit) => this.granted(permit),
      (error: unknown) => this.refused(error, id),
    );
  }

  private task(): TaskOptions {
    const { lane, flow, rule, leftMs, timeoutMs } = this.decision;
    return leftMs === timeoutMs ? { lane, flow, rule, timeoutMs } : { lane, flow, rule };
  }

  private granted(permit: Permit): void {
    if (!this.closed) return this.start(permit);
    // The seat came in the same turn as the end of the connection.
    permit.release({ failed: true });
    this.visitor.over?.();
  }

  private start(permit: Permit): void {
    const { lane, req, res } = this;
    this.permit = permit;
    hold(req, this.decision.resource, this);
    if (this.tellsLane) tellLane(res, lane, permit.waitMs);
    whenLate(permit, (error) => this.late(error), this);
    const { visitor, decision, deadline } = this;
    if (visitor.opened !== undefined) {
      visitor.opened.admitted(decision, deadline, permit);
      return visitor.start();
    }
    const around = new Around(decision, deadline, permit, asyncContext.get());
    asyncContext.run(around, () => visitor.start());
  }

  private refused(error: unknown, requestId: string): void {
    if (this.closed) return this.visitor.over?.();
    if (!isLanewayError(error) || error.code === "LANEWAY_INVALID") return this.visitor.fail(error);
    const { req, res, visitor } = this;
    const answer = (answered: boolean): void => {
      if (answered) return;
      if (!this.closed && !res.headersSent) {
        const { resource } = this.decision;
        const accept = req.headers.accept;
        answerRefused(req, res, error, { resource, requestId, accept, tellsLane: this.tellsLane });
      }
      visitor.over?.();
    };
    if (visitor.shed === undefined) return answer(false);
    void this.shed(visitor.shed(error), answer);
  }

  private async shed(asked: Promise<boolean>, answer: (answered: boolean) => void): Promise<void> {
    try {
      answer(await asked);
    } catch (fault) {
      this.visitor.fail(fault);
    }
  }

  isBegun(): boolean {
    return this.res.headersSent;
  }

  /** The time is up and nothing was answered: the client is told, its connection ends, and with that the seat is free. */
  private late(error: unknown): void {
    if (this.closed || this.res.headersSent) return;
    this.controller?.abort(error);
    this.visitor.over?.();
    if (!isLanewayError(error)) return void this.res.destroy();
    const { resource } = this.decision;
    const { accept } = this.req.headers;
    answerLate(this.req, this.res, error, {
      resource,
      requestId: newRequestId(),
      accept,
      tellsLane: this.tellsLane,
    });
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    const { res, permit } = this;
    // Of HTTP/2's replies either can be true of one that was cut.
    const whole = res.writableFinished && res.writableEnded;
    if (!whole) this.controller?.abort(clientLeft());
    permit?.release(whole && res.statusCode < 500 ? undefined : FAILED);
  }
}

const FAILED = Object.freeze({ failed: true });

/** Carries no stack: it is the way of the world, not a bug. */
function clientLeft(): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new Error("the client left");
  Error.stackTraceLimit = limit;
  return error;
}

function tellLane(res: ServerResponse, lane: string, waitMs: number): void {
  res.setHeader("laneway-lane", printable(lane));
  res.setHeader("laneway-wait-ms", waitMs === 0 ? "0" : Math.round(waitMs).toString());
  res.setHeader(
    "server-timing",
    waitMs === 0 ? 'laneway;dur=0;desc="wait"' : `laneway;dur=${waitMs.toFixed(1)};desc="wait"`,
  );
}
