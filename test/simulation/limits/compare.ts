/** Each algorithm on each scenario, beside the best that any fixed limit could have done. */

import { AdaptiveLimit } from "../../../src/core/limit/adaptive.ts";
import { FixedLimit } from "../../../src/core/limit/fixed.ts";
import type { Limit } from "../../../src/core/limit/limit.ts";
import { Aimd, Correlated, Gradient2, Vegas } from "./others.ts";
import { play } from "./play.ts";
import type { Played, Scenario } from "./play.ts";

export const WARM_UP_S = 10;
const SLICE_S = 10;
const FIXED = [2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 36, 40, 44, 48, 56, 64, 72, 80, 96, 112, 128];
const FIXED_LARGE = [160, 200, 250, 320, 400];

type Make = (now: () => number) => Limit;

/** By the names that the table has. */
export const ALGORITHMS: Readonly<Record<string, Make>> = {
  laneway: (now) =>
    new AdaptiveLimit({ min: 2, max: 1_000, start: 20 }, { now, after: () => () => {} }, undefined),
  Gradient2: (now) => new Gradient2(now),
  Vegas: (now) => new Vegas(now),
  AIMD: (now) => new Aimd(now),
  "correlation-gated": (now) => new Correlated(now),
};

/** One algorithm on one scenario. */
export interface Result {
  /** Replies within the objective after the warm-up, as a part of the best fixed limit's. */
  readonly ratio: number;
  /** The same in its worst ten seconds. */
  readonly worst: number;
  readonly played: Played;
}

/** The best that any fixed limit does on a scenario. */
export interface Best {
  readonly seats: number;
  readonly played: Played;
}

/** Tries all fixed limits. */
export function bestFixed(scenario: Scenario, seed: number): Best {
  let best: (Best & { readonly total: number }) | undefined;
  for (const seats of [...FIXED, ...FIXED_LARGE]) {
    const played = play(scenario, () => new FixedLimit(seats), seed);
    const total = sum(played.good.slice(WARM_UP_S));
    if (best === undefined || total > best.total) best = { seats, played, total };
  }
  return best!;
}

/** Plays one algorithm and compares it. */
export function compare(scenario: Scenario, make: Make, best: Best, seed: number): Result {
  const played = play(scenario, make, seed);
  const ratio = sum(played.good.slice(WARM_UP_S)) / sum(best.played.good.slice(WARM_UP_S));
  let worst = Infinity;
  for (let from = WARM_UP_S; from + SLICE_S <= played.good.length; from += SLICE_S) {
    const theirs = sum(best.played.good.slice(from, from + SLICE_S));
    if (theirs > 0) worst = Math.min(worst, sum(played.good.slice(from, from + SLICE_S)) / theirs);
  }
  return { ratio, worst, played };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
