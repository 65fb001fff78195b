/** What a request to an upstream with keys, budgets or retries asks of the scheduler, and how it may be repeated. */

import type { TaskOptions } from "../core/options.ts";
import type { CallPlan } from "../calls/traffic.ts";
import { forwardedDeadlineMs } from "../policy/forwarded.ts";
import { bodyFacts } from "../providers/body-facts.ts";
import type { BodyFacts, RequestKind, Verdict } from "../providers/provider.ts";
import type { Call } from "./call.ts";
import type { Route } from "./classify.ts";
import type { Upstream } from "./upstream.ts";
import { hasBody } from "./upload.ts";

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
/** To ask for the same again does no harm but its cost. */
const REPEATABLE: ReadonlySet<string> = new Set(["generate", "count", "embed", "list"]);
/** With these the upstream said that it did nothing, or was never reached. */
const NOTHING_DONE: ReadonlySet<FailureReason> = new Set(["rate-limit", "overloaded", "ramp", "unreachable"]);

/** The client's own time-out ends a little later than what it still wants to read: the reply must travel. */
const TRAVEL = { part: 0.05, mostMs: 1_000 } as const;

/** What went wrong with a try, in the words of a verdict, or that the upstream was never reached. */
export type FailureReason = Verdict["reason"] | "unreachable";

/** A call, its body as this upstream gets it, and its plan there. */
export interface Planned {
  readonly plan: CallPlan;
  readonly task: TaskOptions;
  /** Undefined: the client's own. */
  readonly body: Buffer | undefined;
  /** By `performance.now()`: nobody waits for a reply that has not begun then. */
  readonly endsAt: number;
}

type Writable<Options> = { -readonly [Key in keyof Options]: Options[Key] };

/** Whether the body must be read whole before the call is admitted: its cost is in it, and a retry needs it again. */
export function readsWholeBody(call: Call, upstream: Upstream): boolean {
  return (
    upstream.traffic !== undefined &&
    call.method === "POST" &&
    upstream.provider.namesModel(call.pathname) &&
    hasBody(call.req)
  );
}

/** The plan of a call whose body is read, as far as it is to be. */
export function planFor(
  call: Call,
  route: Route,
  waitedMs: number,
  { model, isFallback }: { readonly model: string | undefined; readonly isFallback: boolean },
): Planned {
  const { upstream, classification } = route;
  const { lane, flow, rule } = classification;
  const body = model === undefined ? undefined : withModel(call.body, model);
  const facts = factsOf(call, upstream, body);
  const plan = upstream.traffic!.begin({ method: call.method, path: call.pathname, lane, body: facts });
  const lanesMs = upstream.lanes.get(lane)?.timeoutMs ?? Infinity;
  const allMs = Math.min(lanesMs, clientsMs(call, upstream));
  const passedMs = performance.now() - call.startedAt;
  // The lane's own time-out begins with the task: it holds for a call's first, and for no other.
  const isLanes = allMs === lanesMs && !isFallback;
  const task: Writable<TaskOptions> = {
    lane,
    flow,
    rule,
    id: call.id,
    note: call.notes,
    cost: plan.cost,
    budget: plan.budgets,
  };
  call.notes.cost = plan.isLimited ? plan.cost : undefined;
  if (!isLanes && allMs !== Infinity) task.timeoutMs = call.notes.timeoutMs = Math.max(0, allMs - passedMs);
  if (waitedMs > 0) task.waitedMs = waitedMs;
  return { plan, body, endsAt: call.startedAt + allMs, task };
}

/** The verdict as it holds for this request: not every one may be repeated, whatever went wrong with it. */
export function verdictFor(
  call: Call,
  upstream: Upstream,
  kind: RequestKind,
  verdict: Verdict,
  reason: FailureReason,
): Verdict {
  if (!verdict.retry || mayRepeat(call, upstream, kind, reason)) return verdict;
  return { ...verdict, retry: false };
}

/** Whether the request can be sent once more: its body is at hand, or it has none. */
export function canResend(call: Call): boolean {
  return call.body !== undefined || !hasBody(call.req);
}

function mayRepeat(call: Call, upstream: Upstream, kind: RequestKind, reason: FailureReason): boolean {
  if (!canResend(call)) return false;
  if (upstream.provider.name === "http")
    return upstream.settings.retry.plainHttp && IDEMPOTENT.has(call.method);
  return REPEATABLE.has(kind) || IDEMPOTENT.has(call.method) || NOTHING_DONE.has(reason);
}

/**
 * Whether another upstream may be asked for the same: what it may have done here already it must not do twice, and what
 * is kept here (a batch, a file) is not there. `reason` undefined: it was never sent.
 */
export function mayGoElsewhere(call: Call, upstream: Upstream, reason: FailureReason | undefined): boolean {
  if (!canResend(call)) return false;
  const { provider } = upstream;
  if (provider.name !== "http") return REPEATABLE.has(provider.kindOf(call.method, call.pathname));
  return IDEMPOTENT.has(call.method) || reason === undefined || NOTHING_DONE.has(reason);
}

function factsOf(call: Call, upstream: Upstream, other: Buffer | undefined): BodyFacts | undefined {
  if (!upstream.provider.namesModel(call.pathname)) return undefined;
  if (other !== undefined) return bodyFacts(other);
  if (call.body === undefined) return undefined;
  return (call.facts ??= bodyFacts(call.body));
}

/** How long the client waits for the first byte, by its own words or those of the service it is. */
function clientsMs(call: Call, upstream: Upstream): number {
  const ms = upstream.provider.clientTimeoutMs((name) => call.header(name)) ?? Infinity;
  const wantedMs = ms === Infinity ? ms : ms - Math.min(TRAVEL.mostMs, ms * TRAVEL.part);
  return Math.min(wantedMs, forwardedDeadlineMs(call) ?? Infinity);
}

/** The same body with another model; undefined when it is not a JSON object. */
function withModel(body: Buffer | undefined, model: string): Buffer | undefined {
  if (body === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return Buffer.from(JSON.stringify({ ...value, model }));
  } catch {
    return undefined;
  }
}
