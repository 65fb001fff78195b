/**
 * What became of tasks, and why. Those that were shed, late, slow or picked out of turn are kept, newest last; all of
 * them go to a subscriber. Without one, a task that ends well costs two comparisons here.
 */

import { LanewayError } from "./errors.ts";
import type { LanewayReason } from "./errors.ts";
import type { NeverStarted } from "./lane.ts";
import type { TaskOptions } from "./options.ts";
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

/** Told of each task; with what it saw itself when that task was submitted. */
type Listener = (record: TaskRecord, seen: unknown) => void;

/** What one listener saw around a caller. */
class Sight {
  readonly listener: Listener;
  readonly seen: unknown;
  readonly next: Sight | undefined;

  constructor(listener: Listener, seen: unknown, next: Sight | undefined) {
    this.listener = listener;
    this.seen = seen;
    this.next = next;
  }
}

/**
 * The options that matter after submission, with what listeners saw then; they ride along when a task is put back. Classes
 * both, for what lives as long as a task must not be a literal (see `Extra`).
 */
class Witnessed {
  readonly signal: TaskOptions["signal"];
  readonly id: TaskOptions["id"];
  readonly rule: TaskOptions["rule"];
  readonly note: TaskOptions["note"];
  readonly sights: Sight | undefined;

  constructor({ signal, id, rule, note }: TaskOptions, sights: Sight | undefined) {
    this.signal = signal;
    this.id = id;
    this.rule = rule;
    this.note = note;
    this.sights = sights;
  }
}

export class Records {
  readonly #scheduler: Scheduler;
  readonly #kept: TaskRecord[] = [];
  readonly #listeners = new Set<Listener>();
  /** Listeners that look around when a task is submitted. */
  readonly #lookers = new Map<Listener, () => unknown>();
  /** Whether there are any: each submission asks. */
  isLooking = false;
  #ids = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** `look` is called with each submission, in its caller's async context; the record comes with what it returned. */
  listen(listener: Listener, look?: () => unknown): () => void {
    // Two that listen alike are two.
    const own: Listener = (record, seen) => listener(record, seen);
    this.#listeners.add(own);
    if (look !== undefined) this.#lookers.set(own, look);
    this.isLooking = this.#lookers.size > 0;
    return () => {
      this.#listeners.delete(own);
      this.#lookers.delete(own);
      this.isLooking = this.#lookers.size > 0;
    };
  }

  /** The options of a task that is submitted now, with what the listeners see. */
  witnessed(options: TaskOptions): TaskOptions {
    let sights: Sight | undefined;
    for (const [listener, look] of this.#lookers) {
      try {
        const seen = look();
        if (seen !== undefined) sights = new Sight(listener, seen, sights);
      } catch (bug) {
        // As below: it is neither the caller's, whose task goes on, nor to be swallowed.
        void Promise.reject(bug);
      }
    }
    return sights === undefined ? options : (new Witnessed(options, sights) as TaskOptions);
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
    if (task.returned) task.home.longer.record(now - task.arrivedAt, now);
    this.#keep(task, this.#record(task, failed, reason, task.waitMs, 0, now), outcome !== "cancelled");
  }

  ended(task: Task, failed: boolean, runMs: number, now: number): void {
    // One that never waited took as long as it ran, and its run is counted already.
    if (task.startedAt !== task.arrivedAt) this.#waited(task, runMs, now);
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
    this.#keep(task, { ...record, late, slow, outOfTurn: task.is(AGED) }, worthKeeping);
  }

  #waited(task: Task, runMs: number, now: number): void {
    const { home } = task;
    home.longer.record(now - task.arrivedAt, now);
    home.waitedRuns.record(runMs, now);
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
      note: task.options.note,
      late: outcome === "timedOut",
      slow: false,
      outOfTurn: false,
    };
  }

  #keep(task: Task, record: TaskRecord, worthKeeping: boolean): void {
    if (worthKeeping) {
      if (this.#kept.length >= KEPT) this.#kept.shift();
      this.#kept.push(record);
    }
    const { sights } = task.options as Partial<Witnessed>;
    for (const listener of this.#listeners) {
      try {
        listener(record, seenBy(listener, sights));
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

function seenBy(listener: Listener, sights: Sight | undefined): unknown {
  for (let sight = sights; sight !== undefined; sight = sight.next)
    if (sight.listener === listener) return sight.seen;
  return undefined;
}

/** The budget that it was charged to or, while none sufficed, all that it could have used. */
function budgetOf(task: Task): string | undefined {
  const need = task.more?.need;
  return need === undefined ? undefined : (need.chosen?.name ?? need.names.join(", "));
}

function reasonOf(cause: unknown): LanewayReason | undefined {
  return cause instanceof LanewayError ? cause.reason : undefined;
}
