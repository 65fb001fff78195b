/**
 * The budget out of which the longest waiters are served, out of turn. Without aging the lower lanes starve under
 * strict order; with aging but no budget the critical lane does: both were measured at 2.6 times overload. So a small
 * part of the seat-time, 5 % unless set otherwise, is theirs: every task earns that part of its seat-time when it ends, an
 * aged one spends its expected seat-time when it starts, and that is put right at its end.
 *
 * Invariant: aged seat-time ≤ budget × all seat-time + one aged task, for a pick is allowed only above zero and what
 * can be saved up is bounded by the dearest task.
 */

import type { Lane } from "./lane.ts";

/** The cost of a task is remembered as the dearest with a slow fade, as the most that may be saved up. */
const DEAREST_FADE = 0.999;

export class Aging {
  budget: number;
  #credit = 0;
  #dearest = 0;
  /** The rank after the lane that was served last: lanes take turns. */
  #from = 0;
  /** No waiter is past its age before this instant: spares each admission a look at the oldest of every lane. */
  #nobodyBefore = 0;

  constructor(budget: number) {
    this.budget = budget;
  }

  /** The lane whose turn it is out of those with a waiter past its age, if the budget allows a pick. */
  turn(lanes: readonly Lane[], now: number): Lane | undefined {
    if (this.budget === 0 || this.#credit <= 0 || now < this.#nobodyBefore) return undefined;
    let nobodyBefore = Infinity;
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[(this.#from + i) % lanes.length]!;
      // Whoever comes to this lane from now on is younger than this instant.
      const oldest = Math.min(lane.waitingSince(), now);
      nobodyBefore = Math.min(nobodyBefore, oldest + lane.config.agingAfterMs);
      if (lane.waiting === 0 || now - oldest < lane.config.agingAfterMs) continue;
      if (lane.runs.samples > 0 || lane.agedRunning === 0) return lane;
    }
    this.#nobodyBefore = nobodyBefore;
    return undefined;
  }

  /** An old task has come back, or ages mean something else now. */
  lookAgain(): void {
    this.#nobodyBefore = 0;
  }

  /** An aged pick starts that is expected to cost this many seat-milliseconds. */
  spend(lane: Lane, expected: number): void {
    lane.agedRunning++;
    lane.agedPicks++;
    this.#from = lane.rank + 1;
    this.#credit -= expected;
  }

  /** A task ended: its seat-time earns the budget's part, and what an aged one was expected to cost is put right. */
  end(lane: Lane, charged: number, actual: number, aged: boolean): void {
    if (aged) lane.agedRunning--;
    if (this.budget === 0) return;
    this.#dearest = Math.max(this.#dearest * DEAREST_FADE, actual);
    const most = Math.max(this.#dearest, 1);
    const credit = this.#credit + actual * this.budget + (aged ? charged - actual : 0);
    this.#credit = credit < most ? credit : most;
  }
}
