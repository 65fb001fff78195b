/** A policy in the words of the core. */

import { checkGuarantees, limitSeats, resourceConfig } from "../core/config.ts";
import type { LaneConfig } from "../core/config.ts";
import { limitOptions } from "../core/limit/limit-options.ts";
import type { LaneOptions, ResourceOptions } from "../core/options.ts";
import { commonSizes, namedSizes } from "./budgets.ts";
import type { Policy, PolicyBudgets, PolicyLane, PolicyResource } from "./policy.ts";

/**
 * How much later than another a call may reach an upstream over the Internet: connections are made anew, packets lost and
 * sent again. It costs a quarter of a second of the rate, once.
 */
const UPSTREAM_SPREAD_MS = 250;

/** What `new Resource` is given for one resource of a policy. */
export function resourceOptions(
  policy: Policy,
  resource: PolicyResource,
): ResourceOptions & { readonly memory: boolean } {
  const { name, limit, order, queue, lanes, budgets, upstream, memory } = resource;
  return {
    name,
    limit,
    lanes: lanes.map(laneOptions),
    defaultLane: policy.defaultLane,
    order,
    aging: policy.aging,
    queue: { ...(queue.max === undefined ? {} : { max: queue.max }), whenFull: queue.whenFull },
    ...(budgets === undefined ? {} : { budgets: budgetOptions(budgets, upstream) }),
    enforce: policy.enforce,
    memory,
    detectDeadlock: true,
  };
}

/**
 * Checks a resource as making it would, and gives its lanes complete.
 *
 * @throws LanewayError `LANEWAY_INVALID`, naming the option.
 */
export function checkResource(policy: Policy, resource: PolicyResource): readonly LaneConfig[] {
  const at = `resource "${resource.name}"`;
  const { lanes } = resourceConfig(resourceOptions(policy, resource));
  const { limit } = resource;
  const most = typeof limit === "number" ? limitSeats(at, limit) : limitOptions(at, limit).max;
  checkGuarantees(at, most, lanes);
  return lanes;
}

/** Without patterns every named budget has the common sizes, and the core need not ask. */
function budgetOptions(
  budgets: PolicyBudgets,
  upstream: string | undefined,
): NonNullable<ResourceOptions["budgets"]> {
  const { models } = budgets;
  return {
    ...commonSizes(budgets),
    ...(upstream === undefined ? {} : { spreadMs: UPSTREAM_SPREAD_MS }),
    ...(models.length === 0 ? {} : { of: (name: string) => namedSizes(budgets, name) }),
  };
}

function laneOptions(lane: PolicyLane): LaneOptions {
  const { name, reservation, lendable, ceiling, weight, timeoutMs, queue, agingAfterMs, exempt, state } =
    lane;
  // The core refuses what would be without effect: an exempt lane has neither seats nor a queue.
  if (exempt) return { name, timeoutMs, exempt, ...(state === undefined ? {} : { state }) };
  return {
    name,
    reservation,
    lendable,
    ...(ceiling === undefined ? {} : { ceiling }),
    weight,
    timeoutMs,
    queue,
    ...(agingAfterMs === undefined ? {} : { aging: { afterMs: agingAfterMs } }),
    ...(state === undefined ? {} : { state }),
  };
}
