/**
 * One task from submission to end: the waiter while it queues, the permit while it runs. One object serves as both, for
 * a second one would cost every admission an allocation and every waiter its bytes.
 *
 *   (new) ──► waiting ──► running ──► ended
 *     │          │  ▲        │
 *     │          │  └ backing off ◄── requeue (a new Task in the old one's place)
 *     └──────────┴───────────────────► ended, never started: rejected, evicted, timed out, cancelled
 *
 * Only `scheduler.ts` moves a task between states. What few tasks need lives in `extra`, made on first use.
 */

import type { Flow } from "./fair-queue.ts";
import type { Holder } from "./context.ts";
import type { Lane } from "./lane.ts";
import type { Actual, TaskOptions } from "./options.ts";
import type { Permit } from "./permit.ts";
import type { Scheduler } from "./scheduler.ts";
import { signalOf } from "./signals.ts";

export const NEW = 0;
export const WAITING = 1;
export const BACKING_OFF = 2;
export const RUNNING = 3;
export const ENDED = 4;
export type TaskState = typeof NEW | typeof WAITING | typeof BACKING_OFF | typeof RUNNING | typeof ENDED;

/** Put back at least once: admitted before, so it passes bounds and is not counted again. */
export const RETURNED = 1;
/** Picked out of turn by aging. */
export const AGED = 2;
/** Its time-out passed while it ran: answered and counted as failed already. */
export const OVERDUE = 4;
/** Got its seat by its lane's weight, beyond reservations. */
export const BY_WEIGHT = 8;
/** `dueAt` is the lane's time-out after all, kept as an instant because the task was put back. */
export const DUE_BY_LANE = 16;
/** Its run goes ahead whatever is decided here: shadow mode. */
export const SHADOW = 32;
/** Stands in its lane's list of arrivals. */
export const LISTED = 64;
/** Holds no seats: its lane was exempt when it started. */
export const EXEMPT = 128;

/** What only some tasks have. */
export interface Extra {
  /** Place in the heap of instants; -1 when not in it. */
  instantIndex: number;
  /** The instant the heap knows it by: a time-out, a deadline, or the end of a back-off. */
  instant: number;
  /** Time queued in earlier turns of a task that was put back, and the start of this one. */
  waitedMs: number;
  queuedAt: number;
  onAbort: (() => void) | undefined;
  controller: AbortController | undefined;
  /** Why it ended without success: an error of ours, or the reason of the caller's signal. */
  cause: unknown;
  /** The permit that took this one's place after a requeue. */
  successor: Task | undefined;
  /** The running tasks that submitted this wait, innermost first. */
  holder: Holder | undefined;
  /** Waits that this running task has submitted on the same resource and that are not over. */
  nestedWaits: number;
  parkings: number;
  position: number;
  seatsHeldBy: Record<string, number> | undefined;
  retryAfterMs: number | undefined;
}

export class Task implements Permit {
  readonly scheduler: Scheduler;
  home: Lane;
  queue: Flow;
  readonly options: TaskOptions;
  readonly seq: number;
  readonly arrivedAt: number;
  width: number;
  state: TaskState = NEW;
  /** One word for what few tasks are: six booleans would cost each waiter 48 bytes. */
  flags = 0;
  /** The instant after which it is useless, when that is not the lane's own time-out. */
  dueAt: number | undefined = undefined;
  startedAt: number | undefined = undefined;
  charged: number | undefined = undefined;
  previous: Task | undefined = undefined;
  next: Task | undefined = undefined;
  /** Resolves the promise of whoever waits for the start, with this task. */
  settled: ((task: Task) => void) | undefined = undefined;
  fn: ((permit: Permit) => unknown) | undefined = undefined;
  /** Answers a `run` whose time-out passes while its function still runs. */
  answer: ((error: unknown) => void) | undefined = undefined;
  more: Extra | undefined = undefined;

  constructor(scheduler: Scheduler, home: Lane, queue: Flow, width: number, seq: number, now: number, options: TaskOptions) {
    this.scheduler = scheduler;
    this.home = home;
    this.queue = queue;
    this.width = width;
    this.seq = seq;
    this.arrivedAt = now;
    this.options = options;
  }

  get extra(): Extra {
    return (this.more ??= {
      instantIndex: -1,
      instant: 0,
      waitedMs: 0,
      queuedAt: this.arrivedAt,
      onAbort: undefined,
      controller: undefined,
      cause: undefined,
      successor: undefined,
      holder: undefined,
      nestedWaits: 0,
      parkings: 0,
      position: 0,
      seatsHeldBy: undefined,
      retryAfterMs: undefined,
    });
  }

  is(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  get returned(): boolean {
    return (this.flags & RETURNED) !== 0;
  }

  get lane(): string {
    return this.home.name;
  }

  get flow(): string {
    return this.queue.name;
  }

  get waitMs(): number {
    return this.is(SHADOW) ? 0 : this.scheduler.waitMs(this);
  }

  get signal(): AbortSignal {
    return signalOf(this);
  }

  release(actual?: Actual): void {
    this.scheduler.end(this, actual?.failed === true);
  }

  answered(): void {
    this.scheduler.answered(this);
  }

  requeue(options?: { readonly afterMs?: number; readonly reason?: string }): Promise<Permit> {
    return this.scheduler.requeue(this, options?.afterMs ?? 0);
  }

  [Symbol.dispose](): void {
    this.scheduler.end(this, false);
  }

  /** Keeps permits out of logs that would print the whole scheduler. */
  toJSON(): object {
    return { lane: this.lane, flow: this.flow, waitMs: this.waitMs };
  }
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
