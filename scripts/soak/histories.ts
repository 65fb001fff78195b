/** Random histories against the model of the core: every promise of the scheduler is checked after every event. */

import { play } from "../../test/core/history/play.ts";
import type { Profile } from "../../test/core/history/plan.ts";
import type { Part, Round } from "./part.ts";

/** What is drawn for a history anyway, and what is fixed so that every kind has its share. */
const KINDS: readonly Partial<Profile>[] = [
  {},
  { updates: 0.25, requeues: 0.3, wide: 0.3, tinyQueues: 0.8 },
  { order: "weighted" },
  { budgets: 1, updates: 0.2, requeues: 0.3, wide: 0.3, aging: true },
  { yields: 0.6, requeues: 0.1, wide: 0.2, cancelled: 0.1, updates: 0.04 },
  { waited: 0.4, updates: 0.1, requeues: 0.2, aging: true },
  { dueSoon: 0.5, cancelled: 0.3, throws: 0.2, neverEnds: 0.08 },
  { nested: 0.3, wide: 0.2, exempt: 0.15 },
  { drains: 1, requeues: 0.3, budgets: 0.3, ready: 0.1 },
  { movingLimit: 1, wide: 0.3, yields: 0.2, pauseMs: 2 },
  { shadow: 1, requeues: 0.2 },
];

/** The kind of a seed: the same in every run, so that a seed says all. */
export async function playHistory(seed: number): Promise<readonly string[]> {
  const { violations } = await play(seed, KINDS[seed % KINDS.length]!);
  return violations;
}

/** Histories one after the other. */
export const histories: Part = {
  name: "histories",
  what: "random histories against the model of the scheduler",
  unit: "histories",
  share: 2,
  every: 200,
  async round(round: Round) {
    for (const violation of await playHistory(round.seed)) round.fault(violation);
    round.work = 1;
  },
};
