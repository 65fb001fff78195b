/**
 * Six hundred batch calls at once and two people who chat, on eight seats of which two are kept for chat: the main job.
 * Calls take 200 ms. Chat's demand is within its seats: two callers, each asking again after a pause.
 */

import { POLICIES } from "./policies.ts";
import type { PolicyName } from "./policies.ts";
import { quantile } from "./quantile.ts";
import { play } from "./world.ts";

const BATCH = 600;
const SEATS = 8;
const RUN_MS = 200;
/** Until about five hundred of the batch have been served, then until all have. */
const DURATION_MS = 30_000;

export interface Chatted {
  /** Chat tasks submitted while at least 500 batch calls waited. */
  readonly asked: number;
  readonly p50: number;
  readonly p99: number;
  readonly batchServed: number;
}

export async function chatAndBatch(input: { policy: PolicyName; seed: number }): Promise<Chatted> {
  const lanes = [
    { name: "critical", reservation: 2, lendable: 0 },
    { name: "normal" },
    { name: "batch", queue: { max: 1_000 } },
  ];
  const runMs = (random: { next(): number }) => RUN_MS * (0.9 + 0.2 * random.next());
  const { tasks } = await play(
    {
      seed: input.seed,
      durationMs: DURATION_MS,
      resource: { name: "ai", limit: SEATS, lanes },
      streams: [
        { lane: "batch", flow: "nightly", burst: BATCH, runMs },
        {
          lane: "critical",
          flow: (n) => `person-${n}`,
          callers: 2,
          runMs,
          thinkMs: (random) => random.exponential(100),
        },
      ],
    },
    POLICIES[input.policy],
  );
  const batch = tasks.filter(({ lane }) => lane === "batch");
  const busyUntil = quantile(
    batch.map(({ startedAt = Infinity }) => startedAt),
    (BATCH - 500) / BATCH,
  );
  const waits = tasks
    .filter(({ lane, arrivedAt }) => lane === "critical" && arrivedAt < busyUntil)
    .map(({ arrivedAt, startedAt = DURATION_MS }) => startedAt - arrivedAt);
  return {
    asked: waits.length,
    p50: quantile(waits, 0.5),
    p99: quantile(waits, 0.99),
    batchServed: batch.filter(({ served }) => served).length,
  };
}
