/**
 * Deadlines when every run takes equally long: whoever is started is done in time. Each caller has its own patience,
 * from just enough for one run to half a minute, at 1.5 times the capacity over all lanes.
 */

import { POLICIES } from "./policies.ts";
import type { PolicyName } from "./policies.ts";
import { play } from "./world.ts";
import type { Played, Stream } from "./world.ts";

const LIMIT = 10;
const RUN_MS = 200;
const DURATION_MS = 120_000;

export interface InTime {
  readonly started: number;
  /** Started, and over after their deadline. */
  readonly late: number;
  /** Part of the seats that did work somebody still wanted. */
  readonly used: number;
}

export async function deadlines(input: { policy: PolicyName; seed: number }): Promise<InTime> {
  const capacity = (LIMIT * 1_000) / RUN_MS;
  const streams = ["critical", "high", "normal", "low", "bulk"].map((lane): Stream => ({
    lane,
    flow: (n) => `caller-${n % 7}`,
    runMs: RUN_MS,
    ratePerSecond: 0.3 * capacity,
    timeoutMs: (random) => RUN_MS + random.next() ** 3 * 30_000,
  }));
  const { tasks } = await play(
    { seed: input.seed, durationMs: DURATION_MS, resource: { name: "timed", limit: LIMIT }, streams },
    POLICIES[input.policy],
  );
  const started = tasks.filter((task) => task.startedAt !== undefined);
  const measured = wellMeasured(tasks);
  // Sums of fractions of milliseconds differ in their last bits.
  const late = started.filter((task) => measured(task) && task.startedAt! + task.runMs > task.dueAt + 1e-6);
  const useful = started.filter(({ served }) => served).length * RUN_MS;
  return { started: started.length, late: late.length, used: useful / (LIMIT * DURATION_MS) };
}

/** Whether a run of the task's lane ended within the second before it started: an older estimate fades, by design. */
function wellMeasured(tasks: readonly Played[]): (task: Played) => boolean {
  const ends = new Map<string, number[]>();
  for (const { lane, endedAt } of tasks) {
    if (endedAt === undefined) continue;
    if (!ends.has(lane)) ends.set(lane, []);
    ends.get(lane)!.push(endedAt);
  }
  return ({ lane, startedAt = 0 }) =>
    ends.get(lane)?.some((at) => at < startedAt && at >= startedAt - 1_000) ?? false;
}
