/**
 * How many seats a resource has now. A `Limit` only estimates; the scheduler enforces. A fixed number is the simplest
 * one; an estimator learns from what `onRelease` tells it and calls `changed` when its mind has changed.
 */
export interface Limit {
  /** Seats now: a whole number from 1 up. */
  readonly current: number;
  /** Told of each task that ended: how long it ran, how many seats were in use, and whether it failed. */
  onRelease?(runMs: number, seatsInUse: number, failed: boolean): void;
  /** The scheduler passes the function to call after `current` has changed. */
  onChange?(changed: () => void): void;
}
