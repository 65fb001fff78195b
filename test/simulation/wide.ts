/**
 * One task as wide as the whole resource, now and then, among narrow ones that never leave it idle. It must get its turn
 * within a bounded time, and the narrow ones must go on meanwhile: with exponential runs all seats are hardly ever free
 * at once.
 */

import { POLICIES } from "./policies.ts";
import type { PolicyName } from "./policies.ts";
import { quantile } from "./quantile.ts";
import { play } from "./world.ts";
import type { Drawn, Stream } from "./world.ts";

const RUN_MS = 100;
const DURATION_MS = 300_000;
/** One wide task at a time, each this long after the last. */
const PAUSE_MS = 5_000;

export type Sharing =
  | "in a lane of its own below the narrow ones"
  | "in a flow of its own beside the narrow ones"
  | "in a lane of its own above the narrow ones";

/** The lanes of the wide tasks and of the narrow ones. */
export const SHARING: Readonly<Record<Sharing, { wide: string; narrow: string; narrowFlow: string }>> = {
  "in a lane of its own below the narrow ones": { wide: "low", narrow: "normal", narrowFlow: "narrow" },
  "in a flow of its own beside the narrow ones": { wide: "normal", narrow: "normal", narrowFlow: "narrow" },
  "in a lane of its own above the narrow ones": { wide: "high", narrow: "normal", narrowFlow: "narrow" },
};

export type Lengths = "exponential" | "seldom very long";

/** How long tasks run. */
export const RUNS: Readonly<Record<Lengths, Drawn>> = {
  exponential: (random) => random.exponential(RUN_MS),
  /** One in a thousand takes ten seconds, and its seat with it: the wide one cannot start before that. */
  "seldom very long": (random) => (random.next() < 0.001 ? 100 * RUN_MS : random.exponential(RUN_MS)),
};

export interface Wide {
  readonly wideStarted: number;
  /** The longest wait of a wide task, and of a narrow one, in mean runs. */
  readonly wideWait: number;
  readonly narrowGap: number;
  /** Seat-time of all tasks ÷ capacity. */
  readonly used: number;
}

export async function wide(input: {
  policy: PolicyName;
  sharing: Sharing;
  runs: Lengths;
  limit: number;
  seed: number;
}): Promise<Wide> {
  const { limit } = input;
  const sharing = SHARING[input.sharing];
  const runMs = RUNS[input.runs];
  const streams: Stream[] = [
    { lane: sharing.wide, flow: "wide", width: limit, callers: 1, thinkMs: PAUSE_MS, runMs },
    { lane: sharing.narrow, flow: sharing.narrowFlow, callers: 4 * limit, runMs },
  ];
  const lanes = ["high", "normal", "low"].map((name) => ({
    name,
    timeoutMs: 10 * DURATION_MS,
    queue: { timeoutMs: 10 * DURATION_MS },
  }));
  const { tasks } = await play(
    { seed: input.seed, durationMs: DURATION_MS, resource: { name: "wide", limit, lanes }, streams },
    POLICIES[input.policy],
  );
  const wides = tasks.filter(({ flow }) => flow === "wide");
  const starts = tasks
    .filter(({ flow }) => flow !== "wide")
    .flatMap(({ startedAt }) => startedAt ?? [])
    .sort((a, b) => a - b);
  const used = tasks.reduce(
    (sum, { startedAt = DURATION_MS, endedAt = DURATION_MS, width }) => sum + (endedAt - startedAt) * width,
    0,
  );
  return {
    wideStarted: wides.filter(({ startedAt }) => startedAt !== undefined).length,
    wideWait:
      Math.max(...wides.map(({ startedAt = DURATION_MS, arrivedAt }) => startedAt - arrivedAt)) / RUN_MS,
    narrowGap:
      quantile(
        starts.slice(1).map((at, i) => at - starts[i]!),
        1,
      ) / RUN_MS,
    used: used / (limit * DURATION_MS),
  };
}
