/** How many requests claimed a lane, and what became of that. Every label comes from a closed set. */

import type { Classification } from "../policy/classify.ts";

/** Requests that claimed one lane and were given one. */
export interface ClaimCount {
  /** The lane that was asked for; "unknown" for a claim that names none. */
  readonly claimed: string;
  /** The lane that was given. */
  readonly granted: string;
  readonly count: number;
}

/** Counts claims, for one policy. */
export class ClaimCounts {
  readonly #counts = new Map<string, { readonly claimed: string; readonly granted: string; count: number }>();

  count({ claim, lane }: Classification): void {
    if (claim === undefined) return;
    const claimed = claim.decision === "unknown-lane" ? "unknown" : claim.claimed;
    const key = `${claimed}\n${lane}`;
    const entry = this.#counts.get(key);
    if (entry === undefined) this.#counts.set(key, { claimed, granted: lane, count: 1 });
    else entry.count++;
  }

  /** All counts so far. */
  list(): ClaimCount[] {
    return [...this.#counts.values()].map((entry) => ({ ...entry }));
  }
}

const counts = new WeakMap<object, ClaimCounts>();

/** The counts of a `Laneway`: one for all adapters that stand on it. */
export function claimCounts(laneway: object): ClaimCounts {
  let own = counts.get(laneway);
  if (own === undefined) counts.set(laneway, (own = new ClaimCounts()));
  return own;
}
