/**
 * Goodput when far more is asked than can be done: all lanes at once, in the same proportions, at several times the
 * capacity. Every caller has five seconds of patience, so work finished later is wasted, and that is how first in,
 * first out collapses: it serves only those who have left.
 *
 * What can be done is the capacity less the floors that stand idle, which are nobody's to use.
 */

import { POLICIES } from "./policies.ts";
import type { PolicyName } from "./policies.ts";
import { play } from "./world.ts";
import type { Played, Stream } from "./world.ts";

const LIMIT = 20;
const RUN_MS = 100;
const PATIENCE_MS = 5_000;
const DURATION_MS = 80_000;
const FROM_MS = 20_000;
/** Parts of the offered load; critical's own stays within its reservation at twice the capacity and not beyond. */
const MIX = { critical: 0.1, high: 0.2, normal: 0.3, low: 0.2, bulk: 0.2 };
/** Of the default lanes only critical keeps a floor: half of its 8 seats. */
const FLOOR = 4;

export interface Overloaded {
  /** Seat-time of tasks whose caller got the result ÷ capacity less idle floors. */
  readonly goodput: number;
}

export async function overload(input: {
  policy: PolicyName;
  times: number;
  seed: number;
}): Promise<Overloaded> {
  const offered = ((1_000 / RUN_MS) * LIMIT * input.times) / 1_000;
  const streams = Object.entries(MIX).map(([lane, part]): Stream => ({
    lane,
    runMs: (random) => RUN_MS * (0.5 + random.next()),
    ratePerSecond: part * offered * 1_000,
    timeoutMs: PATIENCE_MS,
  }));
  const { tasks } = await play(
    { seed: input.seed, durationMs: DURATION_MS, resource: { name: "overloaded", limit: LIMIT }, streams },
    POLICIES[input.policy],
  );
  const good = tasks.filter((task) => task.served).reduce((sum, task) => sum + within(task), 0);
  const capacity = LIMIT * (DURATION_MS - FROM_MS) - idleFloorMs(tasks);
  return { goodput: good / capacity };
}

function within(task: Played): number {
  return Math.max(
    0,
    Math.min(task.endedAt ?? DURATION_MS, DURATION_MS) - Math.max(task.startedAt ?? DURATION_MS, FROM_MS),
  );
}

/** Seat-time for which critical held less than its floor. */
function idleFloorMs(tasks: readonly Played[]): number {
  const edges = tasks
    .filter(({ lane, startedAt }) => lane === "critical" && startedAt !== undefined)
    .flatMap(({ startedAt, endedAt = Infinity }) => [
      { at: startedAt!, seats: 1 },
      { at: endedAt, seats: -1 },
    ])
    .sort((a, b) => a.at - b.at);
  let idle = 0;
  let held = 0;
  let since = FROM_MS;
  for (const { at, seats } of [...edges, { at: DURATION_MS, seats: 0 }]) {
    const until = Math.min(Math.max(at, FROM_MS), DURATION_MS);
    idle += Math.max(0, FLOOR - held) * (until - since);
    since = until;
    held += seats;
  }
  return idle;
}
