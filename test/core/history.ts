/**
 * Random histories against the real scheduler in simulated time: every promise of the design is checked after every
 * event. A failure prints its seed; `LANEWAY_SEED=n` plays that one alone, `LANEWAY_HISTORIES=n` changes how many.
 */

import assert from "node:assert/strict";
import { play } from "./history/play.ts";
import type { Profile } from "./history/plan.ts";

export interface Histories {
  /** How many, unless `LANEWAY_HISTORIES` says otherwise. */
  readonly count: number;
  /** Where the seeds begin, so that no two files play the same histories. */
  readonly firstSeed: number;
  /** What every history shall have in it; the rest is drawn. */
  readonly with?: Partial<Profile>;
}

/**
 * Plays histories until one breaks a promise.
 *
 * @throws AssertionError with the seed and all that was found in it.
 */
export async function keepEveryPromise(histories: Histories): Promise<void> {
  const only = process.env["LANEWAY_SEED"];
  const count = only === undefined ? Number(process.env["LANEWAY_HISTORIES"] ?? histories.count) : 1;
  const first = only === undefined ? histories.firstSeed : Number(only);
  let starts = 0;
  for (let seed = first; seed < first + count; seed++) {
    const played = await play(seed, histories.with ?? {});
    starts += played.starts;
    const again = `LANEWAY_SEED=${seed} node --test ${process.argv[1] ?? "this file"}`;
    assert.deepEqual(played.violations, [], `history ${seed} breaks a promise; play it again with ${again}`);
  }
  assert.ok(only !== undefined || count === 0 || starts > count, "histories without starts prove nothing");
}
