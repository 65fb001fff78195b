/**
 * Starvation and its opposite, at 2.6 times the capacity with the default lanes: does every lane move, how much do the
 * aged picks take, and what do they cost the top lane, whose demand is within its reservation?
 */

import type { ResourceOptions } from "../../src/index.ts";
import { Resource } from "../../src/index.ts";
import { POLICIES } from "./policies.ts";
import type { PolicyName } from "./policies.ts";
import { quantile } from "./quantile.ts";
import { play } from "./world.ts";
import type { Drawn, Played, Stream } from "./world.ts";

const LIMIT = 20;
const RUN_MS = 100;
const AFTER_MS = 5_000;
const DURATION_MS = 180_000;
const FROM_MS = 30_000;
/** Times the capacity that each lane asks for: 2.6 in all, critical (40 % reserved) within its reservation. */
const DEMAND = { critical: 0.3, high: 0.8, normal: 0.6, low: 0.4, bulk: 0.5 };

export type BulkTasks = "as short as the others" | "ten times as long" | "four seats wide";

/** What the tasks of the lowest lane are like; all others run for about 100 ms on one seat. */
export const BULK: Readonly<Record<BulkTasks, { runMs: Drawn; width: number }>> = {
  "as short as the others": { runMs: (random) => random.exponential(RUN_MS), width: 1 },
  "ten times as long": { runMs: (random) => random.exponential(10 * RUN_MS), width: 1 },
  "four seats wide": { runMs: (random) => random.exponential(RUN_MS), width: 4 },
};

export interface Aged {
  /** Tasks that each lane started in each tenth of the run. */
  readonly started: Readonly<Record<string, readonly number[]>>;
  /** Seat-time of tasks picked out of turn ÷ all seat-time. */
  readonly agedPart: number;
  /** Part of the critical tasks that were served, and the 99th percentile of their waits in milliseconds. */
  readonly criticalServed: number;
  readonly criticalP99: number;
}

export async function aging(input: {
  policy: PolicyName;
  bulk: BulkTasks;
  budget: number;
  seed: number;
}): Promise<Aged> {
  const seatMs = { aged: 0, all: 0 };
  const watched = (options: ResourceOptions) => {
    const resource = POLICIES[input.policy](options);
    if (resource instanceof Resource)
      resource.onRecord(({ lane, runMs, outOfTurn }) => {
        const cost = runMs * (lane === "bulk" ? BULK[input.bulk].width : 1);
        seatMs.all += cost;
        if (outOfTurn) seatMs.aged += cost;
      });
    return resource;
  };
  const resource = {
    name: "aging",
    limit: LIMIT,
    lanes: LANES,
    aging: { afterMs: AFTER_MS, budget: input.budget },
  };
  const { tasks } = await play(
    { seed: input.seed, durationMs: DURATION_MS, resource, streams: streamsOf(input.bulk) },
    watched,
  );
  const critical = tasks.filter(
    ({ lane, arrivedAt }) => lane === "critical" && arrivedAt >= FROM_MS && arrivedAt < DURATION_MS - FROM_MS,
  );
  return {
    started: Object.fromEntries(
      LANES.map(({ name }) => [name, startedByTenth(tasks.filter(({ lane }) => lane === name))]),
    ),
    agedPart: seatMs.aged / Math.max(1, seatMs.all),
    criticalServed: critical.filter(({ served }) => served).length / critical.length,
    criticalP99: quantile(
      critical.map(({ startedAt = Infinity, arrivedAt }) => startedAt - arrivedAt),
      0.99,
    ),
  };
}

/** The default lanes by name, so that a stand-in knows their order too. */
const LANES = [
  { name: "critical", reservation: "40%", lendable: "50%" },
  { name: "high", reservation: "30%" },
  { name: "normal", reservation: "20%" },
  { name: "low", reservation: "10%" },
  { name: "bulk" },
] as const;

function streamsOf(bulk: BulkTasks): Stream[] {
  return Object.entries(DEMAND).map(([lane, times]): Stream => {
    const { runMs, width } = lane === "bulk" ? BULK[bulk] : BULK["as short as the others"];
    const meanMs = bulk === "ten times as long" && lane === "bulk" ? 10 * RUN_MS : RUN_MS;
    const ratePerSecond = (times * LIMIT * 1_000) / (meanMs * width);
    return { lane, runMs, width, ratePerSecond, ...(lane === "critical" ? { timeoutMs: AFTER_MS } : {}) };
  });
}

function startedByTenth(tasks: readonly Played[]): number[] {
  const tenths = Array.from({ length: 10 }, () => 0);
  for (const { startedAt } of tasks)
    if (startedAt !== undefined) tenths[Math.min(9, Math.floor((10 * startedAt) / DURATION_MS))]!++;
  return tenths;
}
