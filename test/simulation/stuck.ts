/**
 * Short work beside a lane whose runs have become long: for half a second at a time nobody starts, and then all who wait
 * do. Nobody would have waited for long, so nobody may be refused for that.
 */

import { POLICIES } from "./policies.ts";
import type { PolicyName } from "./policies.ts";
import { play } from "./world.ts";
import type { Stream } from "./world.ts";

const SHORT_MS = 20;
const LONG_MS = 500;
const LONG_FROM = 4_000;
const DURATION_MS = 24_000;
const PER_SECOND = { critical: 60, high: 60, normal: 40, low: 40 };

export interface Stuck {
  /** Of the lanes with short work. */
  readonly came: number;
  readonly predictedTooLate: number;
  readonly longestWaitMs: number;
}

export async function stuck(input: { policy: PolicyName; seed: number }): Promise<Stuck> {
  const streams: Stream[] = [
    ...Object.entries(PER_SECOND).map(([lane, ratePerSecond]) => ({ lane, ratePerSecond, runMs: SHORT_MS })),
    { lane: "bulk", ratePerSecond: 80, runMs: (_random, now) => (now < LONG_FROM ? SHORT_MS : LONG_MS) },
  ];
  const { tasks } = await play(
    { seed: input.seed, durationMs: DURATION_MS, resource: { name: "http", limit: 8 }, streams },
    POLICIES[input.policy],
  );
  const short = tasks.filter(({ lane, arrivedAt }) => lane !== "bulk" && arrivedAt < DURATION_MS - 5_000);
  return {
    came: short.length,
    predictedTooLate: short.filter(({ attempts }) => attempts.at(-1)?.reason === "predicted").length,
    longestWaitMs: Math.max(
      ...short.map(({ startedAt, arrivedAt }) => (startedAt === undefined ? 0 : startedAt - arrivedAt)),
    ),
  };
}
