/**
 * One task from submission to end: the waiter while it queues, the permit while it runs. One object serves as both, for
 * a second one would cost every admission an allocation and every waiter its bytes.
 *
 *   (new) ──► waiting ──► running ──► ended
 *     │          │  ▲        │
 *     │          │  └ backing off ◄── requeue (a new Task in the old one's place)
 *     └──────────┴───────────────────► ended, never started: rejected, evicted, timed out, cancelled
 *
 * Only `scheduler.ts`, and `put-back.ts` for the way back, move a task between states. What few tasks need lives in `extra`, made on first use.
 */

import { ONE_REQUEST, amountsOf } from "./budget/amounts.ts";
import type { Need } from "./budget/need.ts";
import { answered } from "./expiry.ts";
import type { Flow } from "./fair-queue.ts";
import { giveWay } from "./give-way.ts";
import type { Way } from "./give-way.ts";
import type { Holder } from "./context.ts";
import type { Lane } from "./lane.ts";
import { NO_OPTIONS } from "./options.ts";
import type { Actual, TaskOptions } from "./options.ts";
import type { Permit, RequeueOptions } from "./permit.ts";
import { putBack } from "./put-back.ts";
import type { Scheduler } from "./scheduler.ts";
import { signalOf } from "./signals.ts";

export const NEW = 0;
export const WAITING = 1;
export const BACKING_OFF = 2;
export const RUNNING = 3;
export const ENDED = 4;
export type TaskState = typeof NEW | typeof WAITING | typeof BACKING_OFF | typeof RUNNING | typeof ENDED;

/** State and flags share one word, the state in the low three bits: apart they would cost each waiter 8 bytes more. */
const STATE = 7;
/** Put back at least once: admitted before, so it passes bounds and is not counted again. */
export const RETURNED = 8;
/** Picked out of turn by aging. */
export const AGED = 16;
/** Its time-out passed while it ran: answered and counted as failed already. */
export const OVERDUE = 32;
/** Got its seat by its lane's weight, beyond reservations. */
export const BY_WEIGHT = 64;
/** `dueAt` is the lane's time-out after all, kept as an instant because the task was put back. */
export const DUE_BY_LANE = 128;
/** Its run goes ahead whatever is decided here: shadow mode. */
export const SHADOW = 256;
/** Stands in its lane's list of arrivals. */
export const LISTED = 512;
/** Holds no seats: its lane was exempt when it started. */
export const EXEMPT = 1_024;

/**
 * What only some tasks have. A class and no object literal: V8 may come to make a literal's objects in the old generation,
 * where a dead one keeps all that it points to until the next full collection.
 */
export class Extra {
  options: TaskOptions = NO_OPTIONS;
  width = 1;
  dueAt: number | undefined = undefined;
  /** Place in the heap of instants; -1 when not in it. */
  instantIndex = -1;
  /** The instant the heap knows it by: a time-out, a deadline, or the end of a back-off. */
  instant = 0;
  /** Time queued in earlier turns of a task that was put back, and the start of this one. */
  waitedMs = 0;
  queuedAt: number;
  onAbort: (() => void) | undefined = undefined;
  controller: AbortController | undefined = undefined;
  /** Rejects the `run` that this task goes on with, while `tell` is taken by the wait. */
  answer: ((error: unknown) => void) | undefined = undefined;
  /** Asked when the time is up: whether the answer has begun, and nobody told. */
  reply: Reply | undefined = undefined;
  /** What it needs of its budgets, where those are limited. */
  need: Need | undefined = undefined;
  /** How long it has waited in earlier submissions. */
  creditMs = 0;
  /** Why it ended without success: an error of ours, or the reason of the caller's signal. */
  cause: unknown = undefined;
  /** The permit that took this one's place after a requeue. */
  successor: Task | undefined = undefined;
  /** What a requeue resolves with, for one whose user is done before. */
  turn: Promise<unknown> | undefined = undefined;
  /** How this one came to take another's place by `yield`, whose permit goes on. */
  way: Way | undefined = undefined;
  /** When it last let the event loop turn. */
  sliceFrom: number | undefined = undefined;
  /** The running tasks that submitted this wait, innermost first. */
  holder: Holder | undefined = undefined;
  /** Waits that this running task has submitted on the same resource and that are not over. */
  nestedWaits = 0;
  parkings = 0;
  seatsHeldBy: Record<string, number> | undefined = undefined;
  retryAfterMs: number | undefined = undefined;

  constructor(arrivedAt: number) {
    this.queuedAt = arrivedAt;
  }
}

/** The answer that a task gives piece by piece. */
export interface Reply {
  isBegun(): boolean;
}

/** The bits above the flags hold the position, as many as keep the word a small integer. */
const POSITION_AT = 11;
const MOST_AHEAD = 2 ** 20 - 1;

/** Fields are few on purpose: a million of these may wait. Anything that not every waiter needs is in `more`. */
export class Task implements Permit {
  queue: Flow;
  /** Its number: what came before it in its flow has a lesser one, or the same. */
  seq: number;
  readonly arrivedAt: number;
  startedAt: number | undefined = undefined;
  /** What its flow was charged at the start, in seat-milliseconds. */
  charged: number | undefined = undefined;
  previous: Task | undefined = undefined;
  next: Task | undefined = undefined;
  fn: ((permit: Permit) => unknown) | undefined = undefined;
  /** While it waits: resolves its start, with this task. While it runs: rejects its `run` when the time is up. */
  tell: ((outcome: unknown) => void) | undefined = undefined;
  more: Extra | undefined = undefined;
  #word: number = NEW;

  constructor(queue: Flow, seq: number, arrivedAt: number) {
    this.queue = queue;
    this.seq = seq;
    this.arrivedAt = arrivedAt;
  }

  get home(): Lane {
    return this.queue.home;
  }

  get scheduler(): Scheduler {
    return this.queue.home.scheduler;
  }

  get state(): TaskState {
    return (this.#word & STATE) as TaskState;
  }

  set state(state: TaskState) {
    this.#word = (this.#word & ~STATE) | state;
  }

  is(flag: number): boolean {
    return (this.#word & flag) !== 0;
  }

  mark(flag: number): void {
    this.#word |= flag;
  }

  get returned(): boolean {
    return (this.#word & RETURNED) !== 0;
  }

  get width(): number {
    return this.more === undefined ? 1 : this.more.width;
  }

  set width(seats: number) {
    if (seats !== this.width) this.extra.width = seats;
  }

  /** How many stood before it in its lane when it began to wait. */
  get position(): number {
    return this.#word >> POSITION_AT;
  }

  set position(ahead: number) {
    this.#word = (this.#word & (2 ** POSITION_AT - 1)) | (Math.min(ahead, MOST_AHEAD) << POSITION_AT);
  }

  /** The options that matter after submission: signal, id and rule. */
  get options(): TaskOptions {
    return this.more === undefined ? NO_OPTIONS : this.more.options;
  }

  /** The instant after which it is useless, when that is not the lane's own time-out. */
  get dueAt(): number | undefined {
    return this.more === undefined ? undefined : this.more.dueAt;
  }

  get extra(): Extra {
    return (this.more ??= new Extra(this.arrivedAt));
  }

  get lane(): string {
    return latest(this).home.name;
  }

  get flow(): string {
    return latest(this).queue.name;
  }

  get budget(): string {
    const need = latest(this).more?.need;
    if (need === undefined) return "";
    // It runs already, whatever is decided here: what it has been told must stay true.
    if (need.charged === undefined && this.is(SHADOW)) this.scheduler.budgets!.pin(this);
    return need.chosen?.name ?? "";
  }

  get waitMs(): number {
    if (this.is(SHADOW)) return 0;
    const task = latest(this);
    return waitMs(task, task.startedAt ?? this.scheduler.clock.now());
  }

  get signal(): AbortSignal {
    return signalOf(latest(this));
  }

  release(actual?: Actual): void {
    const cost = actual?.cost;
    if (cost !== undefined) amountsOf("permit.release: cost", cost, ONE_REQUEST);
    this.scheduler.end(this, actual?.failed === true, cost);
  }

  answered(): void {
    answered(this.scheduler, latest(this));
  }

  requeue(options?: RequeueOptions): Promise<Permit> {
    return putBack(this.scheduler, latest(this), options ?? {});
  }

  yield(): Promise<boolean> {
    return giveWay(this.scheduler, this);
  }

  [Symbol.dispose](): void {
    this.scheduler.end(this, false);
  }

  /** Keeps permits out of logs that would print the whole scheduler. */
  toJSON(): object {
    return { lane: this.lane, flow: this.flow, waitMs: this.waitMs };
  }
}

// The same for `console.log`, which asks by this symbol and would print the whole scheduler too.
Object.defineProperty(Task.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Task) {
    return this.toJSON();
  },
});

/** The task that a permit stands for now: after it gave way another one than at first. */
export function latest(task: Task): Task {
  const next = task.more?.successor;
  return next !== undefined && next.more?.way?.handle === task ? next : task;
}

/** Milliseconds queued so far, over all turns of a task that was put back. */
export function waitMs(task: Task, now: number): number {
  const until = task.startedAt ?? now;
  const more = task.more;
  if (more === undefined) return until - task.arrivedAt;
  return more.waitedMs + Math.max(0, until - more.queuedAt);
}

/** Resolves with the task when it has started or ended. */
export function turnOf(task: Task): Promise<Task> {
  return new Promise((resolve) => (task.tell = resolve as (outcome: unknown) => void));
}

/** The permit of a task whose wait is over, or what it ended with. */
export function unwrap(task: Task): Task {
  if (task.state === ENDED && task.startedAt === undefined) throw task.more?.cause;
  return task;
}

export function isWaiting(task: Task): boolean {
  return task.state === WAITING;
}

export function isEnded(task: Task): boolean {
  return task.state === ENDED;
}

/** Whether the lane's own time-out still applies to it. */
export function isDueByLane(task: Task): boolean {
  return task.state !== ENDED && task.dueAt === undefined && !task.is(OVERDUE);
}
