/**
 * How many seats a resource has now. A `Limit` only estimates; the scheduler enforces. A fixed number is the simplest
 * one; an estimator learns from what it is told and calls `changed` when its mind has changed.
 */
export interface Limit {
  /** Seats now: a whole number from 1 up. */
  readonly current: number;
  /** Which signal moved it last, and why; undefined where it only moves by hand. */
  readonly signal?: LimitSignal | undefined;
  /** Told before a task is taken in: how many seats are in use, and how many tasks wait. Sees a stall before it ends. */
  onSubmit?(seatsInUse: number, waiting: number, now: number): void;
  /**
   * Told of each task that ended: how long it ran, how many seats were in use with it, whether it failed, how many
   * tasks wait, and the time.
   */
  onRelease?(runMs: number, seatsInUse: number, failed: boolean, waiting: number, now: number): void;
  /** The scheduler passes the function to call after `current` has changed. */
  onChange?(changed: () => void): void;
  /** The floors of the lanes need so many seats: there is no use in less. */
  atLeast?(seats: number): void;
}

/** What can move an adaptive limit. */
export type LimitCause =
  | "start"
  | "throughput"
  | "latency"
  | "failures"
  | "stall"
  | "event-loop"
  | "memory"
  | "pressure"
  | "floors";

/** Why a limit is what it is: the last move of an adaptive one. */
export interface LimitSignal {
  readonly cause: LimitCause;
  /** Seats before and after the move. */
  readonly from: number;
  readonly to: number;
  /** When, on the resource's clock. */
  readonly movedAt: number;
  /** The same as a sentence: "41 seats, from 64: runs take longer the more of them there are". */
  readonly reason: string;
}

/**
 * A signal from beside the tasks, as a part of what is bearable: from 1 up the limit does not grow, well above it shrinks.
 * `cause` is the worst of them.
 */
export interface Saturation {
  readonly level: number;
  readonly cause: "event-loop" | "memory" | "pressure";
}
