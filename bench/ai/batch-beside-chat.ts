/** What a batch of six hundred gets of the seats that two people who chat leave it, in simulated time. */

import { POLICIES } from "../../test/simulation/policies.ts";
import { play } from "../../test/simulation/world.ts";

const BATCH = 600;
const SEATS = 8;
const KEPT = 2;
const RUN_MS = 200;

/** The batch's throughput, of what the seats that are not kept can do: 0 to 1. */
export async function batchBesideChat(seed: number): Promise<number> {
  const lanes = [
    { name: "critical", reservation: KEPT, lendable: 0 },
    { name: "normal" },
    { name: "batch", queue: { max: BATCH } },
  ];
  const chat = { lane: "critical", flow: (n: number) => `person-${n}`, callers: KEPT, runMs: RUN_MS };
  const { tasks } = await play(
    {
      seed,
      durationMs: 60_000,
      resource: { name: "ai", limit: SEATS, lanes },
      streams: [
        { lane: "batch", flow: "nightly", burst: BATCH, runMs: RUN_MS },
        { ...chat, thinkMs: (random) => random.exponential(100) },
      ],
    },
    POLICIES.laneway,
  );
  const ends = tasks.filter(({ lane }) => lane === "batch").map(({ endedAt = Infinity }) => endedAt);
  return (BATCH * RUN_MS) / (SEATS - KEPT) / Math.max(...ends);
}
