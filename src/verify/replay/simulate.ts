/** A recording under a policy: resource by resource, each with its own arrivals. */

import { withOwnRequests } from "../../policy/policy.ts";
import type { Policy } from "../../policy/policy.ts";
import type { Recording } from "../recording/read.ts";
import { durationsOf } from "./durations.ts";
import type { Durations } from "./durations.ts";
import type { Move } from "./limit.ts";
import { replay } from "./replay.ts";
import type { ReplayOptions } from "./replay.ts";
import type { Results } from "./results.ts";
import { judge, summarise, summariseRecorded } from "./summary.ts";
import type { Judged } from "./summary.ts";

/** The recording and the policy do not go together; the message says how, and what to do. */
export class MismatchError extends Error {
  override readonly name = "MismatchError";
}

/** The arrivals of one resource, ready to be replayed again and again. */
export interface Prepared {
  readonly recording: Recording;
  readonly resource: string;
  readonly order: Uint32Array;
  readonly durations: Durations;
  readonly moves: readonly Move[];
  /** The upper bound of a learned limit in the policy that it was recorded under; Infinity for one that was not learned. */
  readonly pinnedAt: number;
  readonly seed: number;
}

/** One resource under one policy. */
export interface Simulated {
  readonly prepared: Prepared;
  readonly policy: Policy;
  readonly results: Results;
  /** Each lane, most important first, beside what the policy wants of it. */
  readonly lanes: readonly Judged[];
}

/**
 * The arrivals of each resource that the policy has and that anything ran on, in the policy's order.
 *
 * @throws MismatchError when there is none.
 */
export function prepare(recording: Recording, given: Policy, seed: number): Prepared[] {
  const names = Object.keys(withOwnRequests(given).resources);
  const { arrivals } = recording;
  const prepared = names.flatMap((resource) => {
    const number = arrivals.resources.list.indexOf(resource);
    if (number < 0) return [];
    const order = arrivals.inOrder(number);
    const durations = durationsOf(arrivals, order, seed);
    if (durations === undefined) return [];
    const moves = recording.limits
      .filter((move) => move.resource === resource)
      .map(({ atMs, limit }) => ({ atMs, seats: limit }));
    const { limit } = withOwnRequests(given).resources[resource]!;
    const pinnedAt = typeof limit === "number" ? Infinity : limit.max;
    return [{ recording, resource, order, durations, moves, pinnedAt, seed }];
  });
  if (prepared.length > 0) return prepared;
  const recorded = arrivals.resources.list.join(", ");
  const where = given.file ?? "the policy";
  if (names.some((name) => arrivals.resources.list.includes(name)))
    throw new MismatchError("nothing that was recorded ever ran, so nobody knows how long it would have");
  throw new MismatchError(
    `expected arrivals at a resource of ${where}, ${names.join(", ")}; found them at ${recorded}`,
  );
}

/** Recorded resources that the policy lacks. */
export function leftOut(recording: Recording, given: Policy): string[] {
  const { resources } = withOwnRequests(given);
  return recording.arrivals.resources.list.filter((name) => !Object.hasOwn(resources, name));
}

/**
 * Replays one resource under a policy. `as` gives recorded lanes another name, `moved` a flow another lane.
 *
 * @throws MismatchError when a recorded lane is not in the policy.
 */
export function simulatePolicy(
  prepared: Prepared,
  given: Policy,
  as: ReadonlyMap<string, string>,
  { looks = 0, moved }: Pick<ReplayOptions, "looks" | "moved"> = {},
): Simulated {
  const policy = withOwnRequests(given);
  const resource = policy.resources[prepared.resource];
  if (resource === undefined)
    throw new MismatchError(
      `${policy.file ?? "the policy"} has no resource "${prepared.resource}"; expected the resources that were recorded`,
    );
  const laneOf = lanesIn(policy, prepared, as);
  const { recording, resource: _name, ...arriving } = prepared;
  const results = replay({
    ...arriving,
    policy,
    resource,
    arrivals: recording.arrivals,
    laneOf,
    looks,
    moved,
  });
  return { prepared, policy, results, lanes: judge(summarise(results), resource.lanes) };
}

/** The resource as it fared when it was recorded, judged by a policy. */
export function recordedLanes(prepared: Prepared, given: Policy, as: ReadonlyMap<string, string>): Judged[] {
  const policy = withOwnRequests(given);
  const { lanes } = policy.resources[prepared.resource]!;
  const names = lanes.map(({ name }) => name);
  const laneOf = lanesIn(policy, prepared, as);
  return judge(summariseRecorded(prepared.recording.arrivals, prepared.order, laneOf, names), lanes);
}

/** The policy's lane for each recorded one. Which request would be in which lane cannot be asked again: no path is kept. */
function lanesIn(
  policy: Policy,
  { recording, resource, order }: Prepared,
  as: ReadonlyMap<string, string>,
): string[] {
  const { arrivals } = recording;
  const lanes = policy.resources[resource]!.lanes.map(({ name }) => name);
  const named = arrivals.lanes.list.map((lane) => as.get(lane) ?? lane);
  const missing = named.findIndex((lane) => !lanes.includes(lane));
  if (missing < 0) return named;
  for (const [number, lane] of named.entries()) {
    if (lanes.includes(lane)) continue;
    const count = order.reduce((sum, index) => sum + (arrivals.lane[index] === number ? 1 : 0), 0);
    if (count === 0) continue;
    const recorded = arrivals.lanes.list[number]!;
    throw new MismatchError(
      `${count} arrivals were recorded in lane "${recorded}", and ${policy.file ?? "the policy"} has no lane "${lane}", only ${lanes.join(", ")}; say where they belong: --as ${recorded}=${lanes.at(-1)}`,
    );
  }
  return named;
}
