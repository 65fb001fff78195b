/**
 * Twelve times as much of the least important requests for ten seconds: what becomes of the most important ones, with
 * lanes, with a plugin that sheds when the event loop is busy, and with nothing.
 */

import { atMost, over } from "../question.ts";
import type { BenchRow } from "../row.ts";
import type { CapacityStart } from "./capacity-server.ts";
import { overload, perSecond, policyOf, quantile } from "./overloaded.ts";
import type { Capacity, LaneLoad, Overloaded } from "./overloaded.ts";

/**
 * Where every request takes the same time, seats that were taken in one burst come free in one burst, again and again: who
 * comes between two of them waits for the next, and that time is the bench's own making.
 */
const CAPACITY: Capacity = { workers: 32, serviceMs: 100, spread: 0.5 };
const TIMES = 12;
/** Of the capacity, at other times. */
const USUAL: Readonly<Record<string, number>> = { critical: 0.2, normal: 0.2, bulk: 0.25 };

/** When the load multiplies, and for how long. */
export const SPIKE = { fromMs: 10_000, untilMs: 18_000, endMs: 20_000 } as const;
const WARM_UP_MS = 2_000;

/** Runs the spike against a server with this in front of it; `graceMs` after the last request it ends. */
export function spike(
  front: CapacityStart["front"],
  limit: number | "adaptive",
  graceMs?: number,
): Promise<Overloaded> {
  const capacity = perSecond(CAPACITY);
  const usual = Object.entries(USUAL).map(([lane, part]): LaneLoad => ({
    lane,
    perSecond: part * capacity,
    fromMs: 0,
    untilMs: SPIKE.endMs,
  }));
  const more = (TIMES - 1) * USUAL["bulk"]! * capacity;
  return overload(
    front,
    CAPACITY,
    policyOf(limit),
    [...usual, { lane: "bulk", perSecond: more, fromMs: SPIKE.fromMs, untilMs: SPIKE.untilMs }],
    graceMs,
  );
}

/** What became of the critical requests: how many were served in time, and how long that took before and meanwhile. */
function critical({ requests, due }: Overloaded): { served: number; beforeMs: number; p99Ms: number } {
  const during = (fromMs: number, untilMs: number): typeof requests =>
    requests.filter(
      ({ lane, dueMs, outcome }) =>
        lane === "critical" && dueMs >= fromMs && dueMs < untilMs && outcome === "served",
    );
  const spiked = during(SPIKE.fromMs, SPIKE.untilMs);
  const good = spiked.filter(({ isGood }) => isGood).length;
  return {
    served: (100 * good) / due("critical", SPIKE.fromMs, SPIKE.untilMs),
    beforeMs: quantile(during(WARM_UP_MS, SPIKE.fromMs), 0.99),
    p99Ms: quantile(spiked, 0.99),
  };
}

/** Runs all; takes a minute and a half. */
export async function spikeRows(): Promise<BenchRow[]> {
  // One after the other, or they would disturb each other.
  const fixed = await spike("lanes", CAPACITY.workers);
  const pressure = await spike("under-pressure", 1);
  const learned = await spike("lanes", "adaptive");
  const bare = await spike("none", 1);
  const [ours, plugin, adaptive, none] = [fixed, pressure, learned, bare].map(critical);
  const asks = `${TIMES}× of the lowest lane`;
  const served = `${asks}: critical requests served in time`;
  const p99 = `${asks}: p99 response time of critical requests`;
  const besides = [
    { peer: "@fastify/under-pressure", of: plugin! },
    { peer: "the same server without Laneway", of: none! },
  ];
  const unloaded = { peer: "before the load came", unit: "ms" };
  return [
    over(served, ours!.served, 99.9, "%"),
    ...besides.map(({ peer, of }) => moreThan(served, ours!.served, peer, of.served)),
    atMost({ question: p99, ours: ours!.p99Ms, theirs: ours!.beforeMs, ...unloaded }, 1.2),
    ...besides.map(({ peer, of }) =>
      atMost({ question: p99, ours: ours!.p99Ms, peer, theirs: of.p99Ms, unit: "ms" }, 1, "ahead"),
    ),
    over(`${served}, the limit learned`, adaptive!.served, 99.9, "%"),
    atMost(
      {
        question: `${p99}, the limit learned`,
        ours: adaptive!.p99Ms,
        theirs: adaptive!.beforeMs,
        ...unloaded,
      },
      1.2,
    ),
  ];
}

/** A row with the bar that ours is more than theirs. */
function moreThan(question: string, ours: number, peer: string, theirs: number): BenchRow {
  return { question, ours, peer, theirs, unit: "%", ratio: ours / theirs, bar: "ahead", met: ours > theirs };
}
