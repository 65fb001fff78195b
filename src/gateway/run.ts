/**
 * Steps two and three for one request, and the way back between them: a seat, a try; while tries fail and may be
 * repeated, another at the task's own place; where none helps, the fallback.
 */

import { isLanewayError } from "../core/errors.ts";
import type { Actual, Cost } from "../core/options.ts";
import type { Permit } from "../core/permit.ts";
import { NO_REPLY, REFUSED_COST } from "../calls/traffic.ts";
import { admitAtOnce, queue } from "./admit.ts";
import type { Call } from "./call.ts";
import type { Route } from "./classify.ts";
import { deliver, helpsNext, isUpstreams } from "./failure.ts";
import type { Failure } from "./failure.ts";
import { forward } from "./forward.ts";
import type { Forwarded } from "./forward.ts";
import type { HeldReply } from "./held-reply.ts";
import type { IdleWatch } from "./idle.ts";
import type { Counters } from "./report.ts";
import { canResend, mayGoElsewhere, planFor, verdictFor } from "./plan.ts";
import type { FailureReason, Planned } from "./plan.ts";
import type { Returning } from "./returning.ts";
import type { Upstreams } from "./upstream.ts";
import { Warm } from "./warm.ts";

/** What a run takes from the service. */
export interface RunContext {
  readonly upstreams: Upstreams;
  readonly counters: Counters;
  readonly idle: IdleWatch;
  readonly returning: Returning;
  readonly lastReply: () => boolean;
}

/** One place where a request is tried: the first, or a fallback. */
interface Hop {
  readonly route: Route;
  /** The model to ask for instead of the client's own. */
  readonly model: string | undefined;
  readonly isFallback: boolean;
  readonly extraHeaders: readonly string[];
}

const FAILED = { failed: true } as const;
const FINISHED = { failed: false } as const;
const NO_HEADERS: readonly string[] = [];
/** What the upstream has never seen has cost nothing. */
const NO_COST: Cost = { requests: 0, inputTokens: 0, outputTokens: 0 };
/** A policy has no rings of fallbacks; this bounds one made in code. */
const HOPS_MAX = 8;

/** Settles when the request is answered; rejects with what is to be told instead of a reply. */
export async function run(call: Call, route: Route, context: RunContext): Promise<void> {
  if (route.upstream.traffic === undefined) return runOnce(call, route, context);
  keepWarm(call, route);
  let hop: Hop = { route, model: undefined, isFallback: false, extraHeaders: NO_HEADERS };
  let told: { readonly failure: Failure; readonly route: Route } | undefined;
  for (let hops = 0; ; hops++) {
    const failure = await runPlanned(call, hop, context);
    if (failure === undefined) return;
    // That the fallback had no room says less than what the first upstream said.
    if (told === undefined || failure.held !== undefined) told = { failure, route: hop.route };
    const next = hops < HOPS_MAX ? nextHop(call, hop, failure, context) : undefined;
    if (next === undefined) return deliver(call, told.route, told.failure, context);
    if (isUpstreams(failure.error))
      context.counters.upstreamFailure(hop.route.upstream.name, failure.error.reason);
    hop = next;
  }
}

function nextHop(
  call: Call,
  hop: Hop,
  failure: Failure,
  { upstreams, counters }: RunContext,
): Hop | undefined {
  const { upstream, classification } = hop.route;
  if (!helpsNext(failure) || !mayGoElsewhere(call, upstream, failure.reason)) return undefined;
  const next = upstreams.fallback(upstream, classification.lane, call.facts?.model, hop.model);
  if (next?.upstream.traffic === undefined) return undefined;
  counters.fallback(upstream.name, next.named);
  return {
    route: { ...hop.route, upstream: next.upstream },
    model: next.model,
    isFallback: true,
    extraHeaders: ["laneway-fallback", next.named],
  };
}

/** A call that costs nothing but a seat and is tried once. */
async function runOnce(call: Call, route: Route, context: RunContext): Promise<void> {
  const permit = admitAtOnce(call, route) ?? (await queue(call, route));
  let failed = true;
  try {
    const { end } = forward(call, route, permit, options(context));
    const { status = 500 } = (await end) as { status?: number };
    failed = status >= 500 || status === 429;
  } finally {
    permit.release(failed ? FAILED : FINISHED);
  }
}

/** Undefined once a reply was passed on. */
async function runPlanned(call: Call, hop: Hop, context: RunContext): Promise<Failure | undefined> {
  const { returning, counters } = context;
  const { resource } = hop.route.upstream;
  const waitedMs = returning.waitedMs(call, hop.route);
  let at = hop.route;
  let planned = planFor(call, at, waitedMs, hop);
  let failure: Failure | undefined;
  try {
    let permit =
      resource.tryAcquire(planned.task) ??
      (await waiting(call, (signal) =>
        resource.acquire({ ...planned.task, cost: planned.plan.costNow, signal }),
      ));
    for (;;) {
      const now = renewed(at, context);
      if (now !== at) planned = planFor(call, (at = now), 0, hop);
      const beganAt = performance.now();
      failure = await tryOnce(call, at, permit, planned, hop, context);
      if (failure !== undefined || call.notes.tries.length > 0)
        call.notes.tried(resultOf(call, failure), beganAt);
      if (!failure?.goesOn) return failure;
      const { again: afterMs = 0, reason = "none", unsent } = failure;
      if (isUpstreams(failure.error)) counters.upstreamFailure(at.upstream.name, failure.error.reason);
      counters.retry(at.upstream.name, reason);
      const before = permit;
      const { budgets } = planned.plan;
      const cost = unsent ? NO_COST : REFUSED_COST;
      permit = await waiting(call, (signal) =>
        before.requeue({ afterMs, reason, budget: budgets, cost, signal }),
      );
    }
  } catch (error) {
    if (!isLanewayError(error) || call.begun || call.stopReason !== undefined) throw error;
    returning.refused(call, hop.route, error, waitedMs);
    const isLate = error.reason === "task" || error.code === "LANEWAY_DEADLINE";
    // Out of time before its next turn: the upstream's own words tell more than ours.
    if (failure?.held !== undefined) return { ...failure, isLate };
    const { waitMs } = error;
    return {
      error,
      verdict: NO_REPLY,
      reason: undefined,
      goesOn: false,
      isLate,
      waitMs,
      extraHeaders: hop.extraHeaders,
    };
  }
}

/** What came of a try, in a word: a status, or what was in the way of one. */
function resultOf(call: Call, failure: Failure | undefined): string {
  if (failure === undefined) return String(call.res.statusCode);
  return failure.held === undefined ? (failure.reason ?? "failed") : String(failure.held.status);
}

/** The same route under the policy in force now: its keys and its upstream may have changed while the request waited. */
function renewed(route: Route, { upstreams }: RunContext): Route {
  const { upstream } = route;
  const now = upstreams.named(upstream.name);
  if (now === upstream || now?.traffic === undefined || now.provider !== upstream.provider) return route;
  return { ...route, upstream: now };
}

/** One try: undefined when its reply was passed on; throws what no other try can mend. */
async function tryOnce(
  call: Call,
  route: Route,
  permit: Permit,
  planned: Planned,
  { extraHeaders }: Hop,
  context: RunContext,
): Promise<Failure | undefined> {
  const { upstream } = route;
  const { plan, body } = planned;
  let forwarded: Forwarded | undefined;
  let held: HeldReply | undefined;
  let error: unknown;
  try {
    const { upstreams, lastReply, idle } = context;
    const { claimHeader } = upstreams;
    forwarded = forward(call, route, permit, { claimHeader, lastReply, idle, plan, body, extraHeaders });
    const end = await forwarded.end;
    if (end.held === undefined) {
      const cost = forwarded.cost(true);
      call.notes.cost = cost ?? call.notes.cost;
      permit.release(actual(end.status >= 500 || end.status === 429, cost));
      return undefined;
    }
    held = end.held;
  } catch (thrown) {
    if (call.begun || !isUpstreams(thrown)) {
      // A request that cannot be sent at all has cost nothing, but its plan must hear that the try is over.
      if (forwarded === undefined) plan.used(undefined);
      permit.release(actual(true, forwarded === undefined ? NO_COST : forwarded.cost(false)));
      throw thrown;
    }
    error = thrown;
  }
  const unsent = isUpstreams(error) && error.reason === "unreachable";
  const judged =
    held === undefined
      ? NO_REPLY
      : upstream.provider.judge({ status: held.status, header: held.header, body: held.body() });
  const reason: FailureReason = unsent ? "unreachable" : judged.reason;
  const verdict = verdictFor(call, upstream, plan.kind, judged, reason);
  const again = plan.failed(permit, verdict);
  const goesOn = again !== undefined && canResend(call) && isInTime(route, permit, planned, again);
  const isFailure = held === undefined || held.status >= 500 || held.status === 429 || reason !== "none";
  if (!goesOn) permit.release(actual(isFailure, unsent ? NO_COST : REFUSED_COST));
  return { held, error, verdict, reason, again, goesOn, unsent, waitMs: permit.waitMs, extraHeaders };
}

/** Whether another try can begin in time: neither its back-off nor the pause of its budgets is longer than what is left. */
function isInTime(route: Route, permit: Permit, planned: Planned, afterMs: number): boolean {
  const { resource, lanes } = route.upstream;
  const leftMs = planned.endsAt - performance.now();
  const pausedMs = Math.min(...planned.plan.budgets.map((name) => resource.budget(name).pausedMs));
  const queuedMs = lanes.get(route.classification.lane)?.queue.timeoutMs ?? Infinity;
  return Math.max(afterMs, pausedMs) < leftMs && pausedMs < queuedMs - permit.waitMs;
}

function actual(failed: boolean, cost: Cost | undefined): Actual {
  return cost === undefined ? { failed } : { failed, cost };
}

/** Waits for a turn; the client that leaves meanwhile gives it up. */
async function waiting(call: Call, turn: (signal: AbortSignal) => Promise<Permit>): Promise<Permit> {
  // Most calls never wait, and a signal costs them more than their admission.
  const cancel = new AbortController();
  call.whenStopped((reason) => cancel.abort(reason));
  try {
    return await turn(cancel.signal);
  } finally {
    call.whenStopped(undefined);
  }
}

function options({ upstreams, lastReply, idle }: RunContext) {
  return {
    claimHeader: upstreams.claimHeader,
    lastReply,
    idle,
    plan: undefined,
    body: undefined,
    extraHeaders: [],
  } as const;
}

function keepWarm(call: Call, { upstream, classification }: Route): void {
  const afterMs = upstream.settings.commitAfterMs;
  const ping = upstream.provider.streamPing;
  if (afterMs === undefined || ping === undefined || call.facts?.stream !== true) return;
  call.warm = new Warm({ res: call.res, ping, lane: classification.lane, requestId: call.id, afterMs });
}
