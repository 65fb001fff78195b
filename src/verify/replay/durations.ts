/** How long those tasks would have run that never did: drawn from the runs of their lane, the same ones for a seed. */

import { seededRandom } from "../load/random.ts";
import type { Arrivals } from "../recording/arrivals.ts";

/** How long each arrival of a resource runs in a replay, by its place in `order`, and how many of them are guesses. */
export interface Durations {
  readonly ms: Float64Array;
  readonly drawn: number;
}

/** A lane of which less ran is drawn from the whole resource. */
const ENOUGH = 20;

/** Undefined when nothing ran, so that nothing is known. */
export function durationsOf(arrivals: Arrivals, order: Uint32Array, seed: number): Durations | undefined {
  const byLane = new Map<number, number[]>();
  const all: number[] = [];
  for (const index of order) {
    // A run that failed or was cut short says less of how long the work takes.
    if (arrivals.outcomeOf(index) !== "finished") continue;
    const lane = arrivals.lane[index]!;
    const known = byLane.get(lane);
    if (known === undefined) byLane.set(lane, [index]);
    else known.push(index);
    all.push(index);
  }
  const ms = new Float64Array(order.length);
  const random = seededRandom(seed);
  let drawn = 0;
  for (const [place, index] of order.entries()) {
    if (arrivals.hasRun(index)) {
      ms[place] = arrivals.runMs[index]!;
      continue;
    }
    drawn++;
    const own = byLane.get(arrivals.lane[index]!) ?? [];
    const from = own.length >= ENOUGH ? own : all;
    const chosen = from[Math.floor(random() * from.length)];
    if (chosen === undefined) return undefined;
    ms[place] = arrivals.runMs[chosen]!;
  }
  return { ms, drawn };
}
