/**
 * What became of tasks, and why. Those that were shed, late, slow or picked out of turn are kept, newest last; all of
 * them go to a subscriber. Without one, a task that ends well costs two comparisons here.
 */

import { LanewayError } from "./errors.ts";
import type { LanewayReason } from "./errors.ts";
import type { NeverStarted } from "./lane.ts";
import type { Scheduler } from "./scheduler.ts";
import type { TaskRecord } from "./snapshot.ts";
import { AGED, OVERDUE } from "./task.ts";
import type { Task } from "./task.ts";

/** Bounds the memory of records: about 100 kB a resource. */
const KEPT = 256;
/** A run is slow beyond this many medians of its lane, once so many runs were measured. */
const SLOW_FACTOR = 4;
const SLOW_SAMPLES = 16;
/** Below this nobody calls it slow, and a pause of the garbage collector would. */
const SLOW_FROM_MS = 1;

export class Records {
  readonly #scheduler: Scheduler;
  readonly #kept: TaskRecord[] = [];
  readonly #listeners = new Set<(record: TaskRecord) => void>();
  #ids = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  listen(listener: (record: TaskRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  recent(): TaskRecord[] {
    return [...this.#kept];
  }

  /** Notes who holds the seats that a task has to wait for, while somebody listens. */
  queued(task: Task): void {
    if (this.#listeners.size === 0) return;
    task.extra.seatsHeldBy = this.#seatsHeld();
  }

  neverStarted(task: Task, outcome: NeverStarted, reason: LanewayReason | undefined, now: number): void {
    const failed = task.returned ? "failed" : outcome;
    this.#keep(this.#record(task, failed, reason, task.waitMs, 0, now), outcome !== "cancelled");
  }

  ended(task: Task, failed: boolean, runMs: number, now: number): void {
    const slow = this.#isSlow(task, runMs, now);
    const worthKeeping = slow || task.is(OVERDUE | AGED);
    if (!worthKeeping && this.#listeners.size === 0) return;
    const late = task.is(OVERDUE);
    const outcome = failed || late ? "failed" : "finished";
    const record = this.#record(
      task,
      outcome,
      late ? reasonOf(task.more?.cause) : undefined,
      task.waitMs,
      runMs,
      now,
    );
    this.#keep({ ...record, late, slow, outOfTurn: task.is(AGED) }, worthKeeping);
  }

  #isSlow(task: Task, runMs: number, now: number): boolean {
    const { runs } = task.home;
    if (runMs < SLOW_FROM_MS || runs.samples < SLOW_SAMPLES) return false;
    // The mean is at hand; the median, which costs a sort, is asked only about runs that look slow.
    return runMs > 2 * runs.mean(now)! && runMs > SLOW_FACTOR * runs.median(now)!;
  }

  #record(
    task: Task,
    outcome: TaskRecord["outcome"],
    reason: LanewayReason | undefined,
    waitMs: number,
    runMs: number,
    now: number,
  ): TaskRecord {
    return {
      id: task.options.id ?? `${this.#scheduler.name}-${(++this.#ids).toString(36)}`,
      resource: this.#scheduler.name,
      lane: task.lane,
      flow: task.flow,
      rule: task.options.rule,
      outcome,
      reason,
      arrivedAt: task.arrivedAt,
      endedAt: now,
      waitMs,
      runMs,
      position: task.position,
      seatsHeldBy: task.more?.seatsHeldBy ?? (task.startedAt === undefined ? this.#seatsHeld() : {}),
      budget: budgetOf(task),
      retryAfterMs: task.more?.retryAfterMs,
      late: outcome === "timedOut",
      slow: false,
      outOfTurn: false,
    };
  }

  #keep(record: TaskRecord, worthKeeping: boolean): void {
    if (worthKeeping) {
      if (this.#kept.length >= KEPT) this.#kept.shift();
      this.#kept.push(record);
    }
    for (const listener of this.#listeners) {
      try {
        listener(record);
      } catch (error) {
        // A listener's bug must neither stop the scheduler in the middle of a change nor be swallowed.
        void Promise.reject(error);
      }
    }
  }

  #seatsHeld(): Record<string, number> {
    return Object.fromEntries(this.#scheduler.all.map((lane) => [lane.name, lane.seats]));
  }
}

/** The budget that it was charged to or, while none sufficed, all that it could have used. */
function budgetOf(task: Task): string | undefined {
  const need = task.more?.need;
  return need === undefined ? undefined : (need.chosen?.name ?? need.names.join(", "));
}

function reasonOf(cause: unknown): LanewayReason | undefined {
  return cause instanceof LanewayError ? cause.reason : undefined;
}
