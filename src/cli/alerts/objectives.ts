/** What the lanes of a policy are meant to achieve. */

import type { PolicyLane } from "../../policy/policy.ts";

/** One objective of one lane. */
export interface Objective {
  readonly kind: "success" | "wait";
  readonly lane: string;
  /** The part of its tasks that is served, from 0 to 1; or the seconds that 99 of 100 waits stay below. */
  readonly target: number;
}

/** The last bound of the histograms: nothing is known of longer waits. */
const LONGEST_S = 600;

/** In the order of the lanes. What cannot be missed, or not be seen to be, is left out. */
export function objectivesOf(lanes: readonly PolicyLane[], kind: Objective["kind"]): Objective[] {
  return lanes.flatMap(({ name: lane, exempt, objective: { waitMs, success } }) => {
    const target = kind === "wait" ? waitMs / 1_000 : success;
    if (exempt || target === undefined) return [];
    const canBeMissed = kind === "wait" ? target <= LONGEST_S : target > 0 && target < 1;
    return canBeMissed ? [{ kind, lane, target }] : [];
  });
}
