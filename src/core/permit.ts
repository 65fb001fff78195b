import type { Actual, Cost } from "./options.ts";

/** How a task goes back into the queue; every field is optional. */
export interface RequeueOptions {
  /** Milliseconds to hold it back before it waits again. Default 0. */
  readonly afterMs?: number;
  readonly reason?: string;
  /** What the attempt that failed really used of its budget. Default one request and no tokens. */
  readonly cost?: Cost;
  /** The named budget or budgets for the next attempt. Default: the same. */
  readonly budget?: string | readonly string[];
  /** Gives the task up from now on. Default: the signal that it was submitted with. */
  readonly signal?: AbortSignal;
}

/**
 * Proof of admission: seats held until released, exactly once. A second release does nothing.
 *
 * @example
 * const permit = await db.acquire({ lane: "bulk", width: 2 });
 * try { await report(permit.signal); } finally { permit.release(); }
 */
export interface Permit {
  /** The lane it was admitted in. */
  readonly lane: string;
  /** Who asked: the unit of fairness; "" when the task named none. */
  readonly flow: string;
  /** The named budget that it was charged to; "" is the resource's own, or none. */
  readonly budget: string;
  /** Milliseconds spent queued. */
  readonly waitMs: number;
  /** Aborts with the caller's own signal, and at the task's time-out or deadline. Made on first read. */
  readonly signal: AbortSignal;
  /** Gives the seats back; they go to the next waiter in the same call. */
  release(actual?: Actual): void;
  /**
   * The answer has begun: the task's time-out no longer applies, only the caller's own signal does. For replies that
   * stream for longer than anyone may wait for their first byte.
   */
  answered(): void;
  /**
   * Puts the task back: frees its seats, keeps its place and age, and resolves with a new permit when its turn comes
   * again. This permit is over. `afterMs` holds it back first; those behind it may pass meanwhile.
   * Released meanwhile, the task is out of the queue, and the promise rejects with an `AbortError`.
   *
   * @throws LanewayError as `acquire` does; when the permit was released already, `LANEWAY_INVALID`.
   */
  requeue(options?: RequeueOptions): Promise<Permit>;
  /**
   * For work on the main thread, between two of its steps: lets others go first where there is cause. Until the work has gone
   * on for 10 ms since it got its seat or last let others go, it resolves at once: the loop is taken to be held up by
   * what runs for longer than that. Then the event loop turns once, so that I/O and timers that wait are served; and
   * where a task of a higher lane waits that could use the seat, the seat is given up, and this resolves with true when the
   * task's own turn has come again, at its place in its lane. This permit stays in force all the while; an adaptive limit
   * hears nothing of it, and what was charged to a budget stays charged.
   *
   * Resolves with false when the seat was kept. Released meanwhile, a task that waits here is out of the queue.
   *
   * @throws LanewayError when the task's time is up or the resource drained; the reason of the caller's signal when that
   *   aborts; when the permit was released already, `LANEWAY_INVALID`.
   * @example
   * await mainThread.run(async (permit) => {
   *   for (const row of rows) { total += priceOf(row); await permit.yield(); }
   * }, { lane: "bulk" });
   */
  yield(): Promise<boolean>;
  [Symbol.dispose](): void;
}
