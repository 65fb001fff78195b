/**
 * One request on its way through a web-standard server, `Request` to `Response`: waits for a seat, runs the handler in
 * the async context of its lane, and gives the seat back when the body of the reply has ended, was cancelled, or was
 * dropped unread. All that such a server tells of a client that leaves is the abort of the request's signal, and the
 * cancelling of the body.
 */

import { isLanewayError } from "../core/errors.ts";
import type { LanewayError } from "../core/errors.ts";
import type { TaskOptions } from "../core/options.ts";
import type { Permit } from "../core/permit.ts";
import { asyncContext } from "../node/context.ts";
import type { StreamEnd } from "../node/watched-stream.ts";
import { alreadyAdmitted, hold } from "./admission.ts";
import type { Admission } from "./admission.ts";
import { Around } from "./around.ts";
import type { Decision, Gate } from "./gate.ts";
import { whenLate } from "./late.ts";
import { printable } from "../providers/refusal-kind.ts";
import { newRequestId } from "./request-id.ts";
import { WebFacts } from "./web-facts.ts";
import type { WebRequest } from "./web-facts.ts";
import { Watch, dropResponse, goneResponse, refusalResponse, watchedResponse } from "./web-reply.ts";

/** What an adapter does with one request. */
export interface WebVisitor<Subject> {
  /** What the adapter's user calls a request: handed to the functions of the options. */
  readonly subject: Subject;
  /** The client's address, where the runtime tells it. */
  readonly address: string | undefined;
  /** The seat is there: makes the reply. Called at most once, in the async context of the lane. */
  handle(): Response | PromiseLike<Response>;
  /** Refused: asks the user's own `onShed`, if there is one. Undefined: the usual reply. */
  shed(refusal: LanewayError): Response | undefined | PromiseLike<Response | undefined>;
}

/**
 * Admits a request and makes its reply.
 *
 * Rejects with what the handler throws, and with a `LanewayError` `LANEWAY_INVALID` when a function of the options names
 * a lane that there is not, or the request was let in already.
 */
export function admitWeb<Subject, Shed>(
  gate: Gate<Subject, Shed>,
  request: WebRequest,
  visitor: WebVisitor<Subject>,
): Promise<Response> {
  // Not async: of a request that finds its seat free every promise more is a tenth of its cost.
  try {
    if (gate.options.skip?.(visitor.subject) === true) return Promise.resolve(visitor.handle());
    const decision = gate.decide(new WebFacts(request, visitor.address), visitor.subject);
    const twice = alreadyAdmitted(request, decision.resource);
    if (twice !== undefined) return Promise.reject(twice);
    if (request.signal.aborted) return Promise.resolve(goneResponse());
    const arrivedAt = performance.now();
    const permit = decision.resource.tryAcquire(taskOf(decision));
    if (permit === undefined) return queue(gate, request, visitor, decision, arrivedAt);
    return new Visit(gate, request, decision, permit, arrivedAt).run(visitor);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Waits for the seat. */
async function queue<Subject, Shed>(
  gate: Gate<Subject, Shed>,
  request: WebRequest,
  visitor: WebVisitor<Subject>,
  decision: Decision,
  arrivedAt: number,
): Promise<Response> {
  const id = newRequestId();
  let permit: Permit;
  try {
    permit = await decision.resource.acquire({ ...taskOf(decision), id, signal: request.signal });
  } catch (error) {
    if (request.signal.aborted) return goneResponse();
    if (!isLanewayError(error) || error.code === "LANEWAY_INVALID") throw error;
    const own = await visitor.shed(error);
    return own ?? refusal(gate, request, decision, error, id);
  }
  if (request.signal.aborted) {
    permit.release(FAILED);
    return goneResponse();
  }
  return new Visit(gate, request, decision, permit, arrivedAt).run(visitor);
}

/** Only what is not the lane's own: those that say more cost more. */
function taskOf({ lane, flow, rule, leftMs, timeoutMs }: Decision): TaskOptions {
  return leftMs === timeoutMs ? { lane, flow, rule, timeoutMs } : { lane, flow, rule };
}

function refusal<Subject, Shed>(
  gate: Gate<Subject, Shed>,
  request: WebRequest,
  { resource }: Decision,
  error: LanewayError,
  requestId: string,
): Response {
  const accept = request.headers.get("accept") ?? undefined;
  return refusalResponse(error, { resource, requestId, accept, tellsLane: gate.tellsLane }, request.method);
}

const FAILED = Object.freeze({ failed: true });

/** A request that has its seat. */
class Visit<Subject, Shed> implements Admission {
  readonly lane: string;
  readonly flow: string;
  readonly rule: string;
  readonly deadline: number;
  readonly #gate: Gate<Subject, Shed>;
  readonly #request: WebRequest;
  readonly #decision: Decision;
  readonly #permit: Permit;
  #settle: ((response: Response) => void) | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  #stopped: { readonly reason: unknown } | undefined = undefined;
  readonly #left = (): void => this.#stop(this.#request.signal.reason, goneResponse);

  constructor(
    gate: Gate<Subject, Shed>,
    request: WebRequest,
    decision: Decision,
    permit: Permit,
    arrivedAt: number,
  ) {
    this.lane = decision.lane;
    this.flow = decision.flow;
    this.rule = decision.rule;
    this.deadline = decision.enforced ? arrivedAt + decision.timeoutMs : Infinity;
    this.#gate = gate;
    this.#request = request;
    this.#decision = decision;
    this.#permit = permit;
  }

  get waitMs(): number {
    return this.#permit.waitMs;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#stopped !== undefined) this.#controller.abort(this.#stopped.reason);
    return this.#controller.signal;
  }

  run(visitor: WebVisitor<Subject>): Promise<Response> {
    const permit = this.#permit;
    const request = this.#request;
    hold(request, this.#decision.resource, this);
    return new Promise((resolve, reject) => {
      this.#settle = resolve;
      request.signal.addEventListener("abort", this.#left, { once: true });
      whenLate(permit, (error) =>
        this.#stop(error, () =>
          isLanewayError(error)
            ? refusal(this.#gate, request, this.#decision, error, newRequestId())
            : new Response(null, { status: 504 }),
        ),
      );
      const fail = (error: unknown): void => {
        if (this.#stopped !== undefined) return;
        this.#over(true);
        reject(error);
      };
      const around = new Around(this.#decision, this.deadline, permit, asyncContext.get());
      try {
        const made = asyncContext.run(around, () => visitor.handle());
        // Not by its class: frameworks bring replies of their own make.
        if ("then" in made) made.then((response) => this.#answer(response), fail);
        else this.#answer(made);
      } catch (error) {
        fail(error);
      }
    });
  }

  #answer(response: Response): void {
    if (this.#stopped !== undefined) return dropResponse(response);
    const failed = response.status >= 500;
    this.#permit.answered();
    // Whatever cannot be watched is passed on as it is: its seat must not be lost with it.
    const unwatched = (): void => {
      this.#over(failed);
      this.#settle!(response);
    };
    try {
      const headers = this.#gate.tellsLane ? laneHeaders(this.lane, this.waitMs) : NONE;
      const over = (how: StreamEnd): void => this.#over(failed || how !== "ended");
      const watched = watchedResponse(response, new Watch(this.#request, headers, over));
      if ("then" in watched) watched.then((made) => this.#pass(made), unwatched);
      else this.#settle!(watched);
    } catch {
      unwatched();
    }
  }

  #pass(response: Response): void {
    if (this.#stopped === undefined) this.#settle!(response);
    else dropResponse(response);
  }

  /** Nobody waits for the handler any more: its client has left, or its time is up. */
  #stop(reason: unknown, reply: () => Response): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = { reason };
    this.#controller?.abort(reason);
    this.#settle!(reply());
    this.#over(true);
  }

  #over(failed: boolean): void {
    this.#request.signal.removeEventListener("abort", this.#left);
    this.#permit.release(failed ? FAILED : undefined);
  }
}

const NONE: readonly string[] = Object.freeze([]);

function laneHeaders(lane: string, waitMs: number): readonly string[] {
  const dur = waitMs === 0 ? "0" : waitMs.toFixed(1);
  return [
    "laneway-lane",
    printable(lane),
    "laneway-wait-ms",
    waitMs === 0 ? "0" : Math.round(waitMs).toString(),
    "server-timing",
    `laneway;dur=${dur};desc="wait"`,
  ];
}
