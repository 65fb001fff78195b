/**
 * One call under a resource, try after try: a seat for each, and between two of them the task waits at its own place in
 * its own lane while its seat serves others.
 */

import { invalid, isLanewayError } from "../core/errors.ts";
import type { TaskOptions } from "../core/options.ts";
import type { Permit } from "../core/permit.ts";
import type { Resource } from "../core/resource.ts";
import type { Verdict } from "../providers/provider.ts";
import { REFUSED_COST } from "./traffic.ts";
import type { CallPlan } from "./traffic.ts";

/** A try that succeeded: whoever has the value now releases the permit. */
export interface Succeeded<Value> {
  readonly value: Value;
}

/** A try that failed. One of the two is called. */
export interface Failed<Value> {
  readonly verdict: Verdict;
  /** The caller's own mistake, which says nothing against whoever was called. Default false. */
  readonly isOfCaller?: boolean;
  /** No more tries: what the caller gets instead of a value. `final`: it would be pointless to repeat the call. */
  giveUp(final: boolean): Value;
  /** It is tried again: lets go of what this try holds. */
  forget(): void;
}

export interface Attempts<Value> {
  readonly plan: CallPlan;
  readonly task: TaskOptions;
  /** False for a body that can be sent only once. */
  readonly repeatable: boolean;
  /** One try. What it throws ends the call. */
  attempt(permit: Permit, key: string | undefined): Promise<Succeeded<Value> | Failed<Value>>;
}

/**
 * Runs the tries.
 *
 * @throws LanewayError when the call is refused; the reason of the caller's signal when that aborts.
 */
export async function inAttempts<Value>(resource: Resource, call: Attempts<Value>): Promise<Value> {
  const { plan } = call;
  refuseNested(resource);
  let permit = await resource.acquire({ ...call.task, cost: plan.costNow, budget: plan.budgets });
  for (;;) {
    const tried = await attempt(call, permit);
    if ("value" in tried) return tried.value;
    const { verdict } = tried;
    const waitMs = plan.failed(permit, call.repeatable ? verdict : { ...verdict, retry: false });
    if (waitMs === undefined || !call.repeatable) {
      permit.release({ failed: tried.isOfCaller !== true, cost: REFUSED_COST });
      return tried.giveUp(call.repeatable);
    }
    try {
      permit = await permit.requeue({ afterMs: waitMs, reason: verdict.reason, budget: plan.budgets });
    } catch (error) {
      // Out of time before its next turn: the upstream's own words tell more than ours.
      if (isLanewayError(error)) return tried.giveUp(true);
      tried.forget();
      throw error;
    }
    tried.forget();
  }
}

/**
 * A call inside of `map` or `run` of its own resource would hold two seats for one piece of work: half the throughput, and
 * none at all once every seat is held by work that waits for another.
 *
 * @throws LanewayError `LANEWAY_INVALID`
 */
function refuseNested(resource: Resource): void {
  if (resource.currentPermit() === undefined) return;
  throw invalid(
    `resource "${resource.name}"`,
    "a call outside of this resource's own map() and run(), which hold a seat for it already",
    "a call inside of one",
    "give map() or run() a client without lanes, or bound the work by a resource of its own",
  );
}

/** A try that is stopped by its signal ends with the signal's reason, however the transport words it. */
async function attempt<Value>(
  call: Attempts<Value>,
  permit: Permit,
): Promise<Succeeded<Value> | Failed<Value>> {
  const { signal } = permit;
  try {
    if (signal.aborted) throw signal.reason;
    const tried = await call.attempt(permit, call.plan.keyOf(permit));
    if (signal.aborted && !("value" in tried)) {
      tried.forget();
      throw signal.reason;
    }
    return tried;
  } catch (error) {
    permit.release({ failed: true });
    throw signal.aborted ? signal.reason : error;
  }
}
