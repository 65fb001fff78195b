/**
 * Twelve times the normal load in the lowest lane, as when a client's cache expires everywhere at once. The default
 * lanes, each with its share of normal load, 70 % of the capacity in all; the spike brings the load to 1.8 times it.
 *
 * Unloaded is critical alone on the resource. How close critical stays to that depends on how often a seat comes free:
 * with eight seats and one of them kept idle for it, as by default, a burst of three waits for somebody's end, so small
 * resources keep seats for critical alone (`SEATS.eight`).
 */

import type { ResourceOptions } from "../../src/index.ts";
import { POLICIES } from "./policies.ts";
import type { PolicyName } from "./policies.ts";
import { quantile } from "./quantile.ts";
import { play } from "./world.ts";
import type { Drawn, Played, Policy, Scenario, Stream } from "./world.ts";

const RUN_MS = 100;
const SPIKE = { fromMs: 20_000, toMs: 80_000 };
const DURATION_MS = 90_000;
/** Parts of the capacity that each lane asks for normally. */
const NORMAL = { critical: 0.2, high: 0.15, normal: 0.15, low: 0.1, bulk: 0.1 };
const TIMES = 12;

export type Lengths = "nearly constant" | "within half and one and a half" | "exponential";

/** How long tasks run, 100 ms on average. */
export const RUNS: Readonly<Record<Lengths, Drawn>> = {
  "nearly constant": (random) => RUN_MS * (0.9 + 0.2 * random.next()),
  "within half and one and a half": (random) => RUN_MS * (0.5 + random.next()),
  exponential: (random) => random.exponential(RUN_MS),
};

/** Resources of these sizes, and their lanes. */
export const SEATS: Readonly<Record<string, Pick<ResourceOptions, "limit" | "lanes">>> = {
  "eight seats, five for critical only": {
    limit: 8,
    lanes: [
      { name: "critical", reservation: 5, lendable: 0 },
      ...["high", "normal", "low", "bulk"].map((name) => ({ name })),
    ],
  },
  "twenty seats": { limit: 20 },
  "a hundred seats": { limit: 100 },
};

export interface Spiked {
  /** Part of the critical tasks of the spike that were served. */
  readonly served: number;
  /** Their response time: wait and run, at the 99th percentile, in milliseconds. */
  readonly p99: number;
  readonly unloadedP99: number;
}

export async function spike(input: {
  policy: PolicyName;
  runs: Lengths;
  seats: string;
  seed: number;
}): Promise<Spiked> {
  const policy = POLICIES[input.policy];
  const resource = { name: "spiked", limit: 20, ...SEATS[input.seats] };
  const capacity = (1_000 / RUN_MS) * Number(resource.limit);
  const runMs = RUNS[input.runs];
  const usual = Object.entries(NORMAL).map(([lane, part]): Stream => ({
    lane,
    runMs,
    ratePerSecond: part * capacity,
  }));
  const more: Stream = { lane: "bulk", runMs, ratePerSecond: (TIMES - 1) * NORMAL.bulk * capacity, ...SPIKE };
  const spiked = await critical({ resource, seed: input.seed, streams: [...usual, more] }, policy);
  const alone = await critical({ resource, seed: input.seed, streams: usual.slice(0, 1) }, policy);
  const served = spiked.filter((task) => task.served);
  return {
    served: served.length / spiked.length,
    p99: quantile(served.map(responseMs), 0.99),
    unloadedP99: quantile(alone.map(responseMs), 0.99),
  };
}

async function critical(scenario: Omit<Scenario, "durationMs">, policy: Policy): Promise<Played[]> {
  const { tasks } = await play({ ...scenario, durationMs: DURATION_MS }, policy);
  return tasks.filter(
    ({ lane, arrivedAt }) => lane === "critical" && arrivedAt >= SPIKE.fromMs && arrivedAt < SPIKE.toMs,
  );
}

function responseMs(task: Played): number {
  return (task.endedAt ?? Infinity) - task.arrivedAt;
}
