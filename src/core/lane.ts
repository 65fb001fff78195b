/**
 * One lane: what it is due, what it holds, who waits in it, and what it has measured. It computes and counts; moving a
 * task is the scheduler's.
 */

import { Arrivals } from "./arrivals.ts";
import type { LaneConfig } from "./config.ts";
import type { Credited } from "./credit.ts";
import type { LanewayReason } from "./errors.ts";
import { RunEstimate } from "./estimate.ts";
import { FairQueue } from "./fair-queue.ts";
import { Histogram } from "./histogram.ts";
import { Pace } from "./pace.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Share } from "./seats.ts";
import type { Task } from "./task.ts";

/** How the tasks of a lane that never started ended. */
export type NeverStarted = "rejected" | "evicted" | "timedOut" | "cancelled";

export class Lane {
  readonly scheduler: Scheduler;
  name: string;
  rank: number;
  config: LaneConfig;
  share: Share;

  /** Seats held, tasks that hold them, tasks that wait for them, and those held back before they may wait. */
  seats = 0;
  running = 0;
  waiting = 0;
  backingOff = 0;

  readonly fair: FairQueue;
  arrivals: Arrivals = new Arrivals();
  /** Waiting after having been put back, oldest first; few, for they were all running once. */
  returned: Task[] = [];
  /** Waiting with credit for earlier waits; made for the first. */
  credited: Credited | undefined = undefined;

  /** Progress under `order: "weighted"`: seat-milliseconds beyond reservations ÷ weight. */
  tag = 0;
  agedRunning = 0;
  /** The wide head for which free seats are kept, and until when. */
  parkedFor: Task | undefined = undefined;
  parkedUntil = 0;
  /** The instant up to which those told to come back have spoken for the lane's capacity. */
  returnsUntil = 0;

  readonly pace: Pace = new Pace();
  readonly runs: RunEstimate = new RunEstimate();
  readonly waits: Histogram;
  readonly runTimes: Histogram;
  /**
   * From arrival to end, of those that waited, and their runs: for all others both are the same, and to record that twice
   * would cost every task. Read by `durationsOf`.
   */
  readonly longer: Histogram;
  readonly waitedRuns: Histogram;
  admitted = 0;
  finished = 0;
  failed = 0;
  readonly never: Record<NeverStarted, number> = { rejected: 0, evicted: 0, timedOut: 0, cancelled: 0 };
  readonly reasons: Partial<Record<LanewayReason, number>> = {};
  /** Outlived their time-out while they ran; picked out of turn; gave their seat to a higher lane; were put back for another try. */
  overdue = 0;
  agedPicks = 0;
  preempted = 0;
  requeued = 0;
  /** What ended attempts have used of budgets: requests, input tokens, output tokens. */
  readonly used: [number, number, number] = [0, 0, 0];
  /** The lane that took over when this one was removed from the policy. */
  heir: Lane | undefined = undefined;

  constructor(scheduler: Scheduler, config: LaneConfig, rank: number, share: Share, now: number) {
    this.scheduler = scheduler;
    this.name = config.name;
    this.config = config;
    this.rank = rank;
    this.share = share;
    this.fair = new FairQueue(this, scheduler.flowWeight);
    this.waits = new Histogram(now);
    this.runTimes = new Histogram(now);
    this.longer = new Histogram(now);
    this.waitedRuns = new Histogram(now);
  }

  /** Seats of the floor that stand idle, kept for this lane. */
  get idleFloor(): number {
    const idle = this.share.floor - this.seats;
    return idle > 0 ? idle : 0;
  }

  get belowReservation(): boolean {
    return this.seats < this.share.reservation;
  }

  countReason(reason: LanewayReason): void {
    this.reasons[reason] = (this.reasons[reason] ?? 0) + 1;
  }

  /** The instant since which the oldest task that waits here has waited, put back or not; Infinity without one. */
  waitingSince(): number {
    const oldest = this.arrivals.oldestWaiting();
    const returned = this.returned[0];
    let since = oldest === undefined ? Infinity : oldest.arrivedAt;
    if (returned !== undefined && returned.arrivedAt < since) since = returned.arrivedAt;
    return this.credited === undefined ? since : Math.min(since, this.credited.since);
  }
}
