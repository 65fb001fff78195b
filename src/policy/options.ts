/** A policy in the words of the core. */

import { checkGuarantees, limitSeats, resourceConfig } from "../core/config.ts";
import type { LaneConfig } from "../core/config.ts";
import type { LaneOptions, ResourceOptions } from "../core/options.ts";
import type { Policy, PolicyLane, PolicyResource } from "./policy.ts";

/** What `new Resource` is given for one resource of a policy. */
export function resourceOptions(policy: Policy, resource: PolicyResource): ResourceOptions {
  const { name, limit, order, queue, lanes } = resource;
  return {
    name,
    limit,
    lanes: lanes.map(laneOptions),
    defaultLane: policy.defaultLane,
    order,
    aging: policy.aging,
    queue: { ...(queue.max === undefined ? {} : { max: queue.max }), whenFull: queue.whenFull },
    enforce: policy.enforce,
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
  checkGuarantees(at, limitSeats(at, resource.limit), lanes);
  return lanes;
}

function laneOptions(lane: PolicyLane): LaneOptions {
  const { name, reservation, lendable, ceiling, weight, timeoutMs, queue, agingAfterMs, exempt } = lane;
  // The core refuses what would be without effect: an exempt lane has neither seats nor a queue.
  if (exempt) return { name, timeoutMs, exempt };
  return {
    name,
    reservation,
    lendable,
    ...(ceiling === undefined ? {} : { ceiling }),
    weight,
    timeoutMs,
    queue,
    ...(agingAfterMs === undefined ? {} : { aging: { afterMs: agingAfterMs } }),
  };
}
