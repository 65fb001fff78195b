/**
 * A resource that was a hundred times slower for a while. Callers with two seconds of patience are refused meanwhile,
 * for nothing could be done in time; when it is fast again they must be let in soon, although all that was measured
 * says otherwise.
 */

import { POLICIES } from "./policies.ts";
import type { PolicyName } from "./policies.ts";
import { play } from "./world.ts";
import type { Stream } from "./world.ts";

const LIMIT = 10;
const RUN_MS = 100;
const SLOW = { from: 30_000, to: 90_000, times: 100 };
const DURATION_MS = 240_000;
const PATIENCE_MS = 2_000;
const STEP_MS = 1_000;
/** Found again: this part of a second's callers are served. */
const FOUND = 0.95;

export interface Recovered {
  readonly servedBefore: number;
  readonly servedWhileSlow: number;
  /** From the end of the slow phase until callers are served again and stay so; Infinity when never. */
  readonly foundAfterMs: number;
}

export async function recovery(input: {
  policy: PolicyName;
  load: number;
  seed: number;
}): Promise<Recovered> {
  const stream: Stream = {
    lane: "normal",
    runMs: (random) => RUN_MS * (0.5 + random.next()),
    slowness: (now) => (now >= SLOW.from && now < SLOW.to ? SLOW.times : 1),
    ratePerSecond: (input.load * LIMIT * 1_000) / RUN_MS,
    timeoutMs: PATIENCE_MS,
  };
  const resource = { name: "slowed", limit: LIMIT, lanes: [{ name: "normal" }] };
  const { tasks } = await play(
    { seed: input.seed, durationMs: DURATION_MS, resource, streams: [stream] },
    POLICIES[input.policy],
  );
  const served = (from: number, to: number): number => {
    const came = tasks.filter(({ arrivedAt }) => arrivedAt >= from && arrivedAt < to);
    return came.filter((task) => task.served).length / Math.max(1, came.length);
  };
  let found = Infinity;
  for (
    let at = DURATION_MS - 2 * PATIENCE_MS;
    at > SLOW.to && served(at - STEP_MS, at) >= FOUND;
    at -= STEP_MS
  )
    found = at - STEP_MS;
  return {
    servedBefore: served(5_000, SLOW.from - PATIENCE_MS),
    servedWhileSlow: served(SLOW.from + 5_000, SLOW.to - PATIENCE_MS),
    foundAfterMs: found - SLOW.to,
  };
}
