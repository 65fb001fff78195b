/** What a resource tells about itself: plain data, most important lane first. */

import type { LanewayReason } from "./errors.ts";
import type { Histogram } from "./histogram.ts";
import type { Lane } from "./lane.ts";
import type { LimitSignal } from "./limit/limit.ts";
import type { Scheduler } from "./scheduler.ts";

/** One lane in a snapshot. Waits cover the last one to two minutes; counters run since the start. */
export interface LaneSnapshot {
  readonly name: string;
  readonly waiting: number;
  readonly running: number;
  /** Seats held now, beside what the lane is guaranteed and what of that is never lent. */
  readonly seats: number;
  readonly reservation: number;
  readonly floor: number;
  readonly ceiling: number;
  readonly waitMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly runMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly throughputPerMinute: number;
  readonly admitted: number;
  readonly finished: number;
  readonly failed: number;
  readonly rejected: number;
  readonly evicted: number;
  readonly timedOut: number;
  readonly cancelled: number;
  /** Refusals by reason: `{ "lane-full": 12 }`. */
  readonly reasons: Readonly<Partial<Record<LanewayReason, number>>>;
}

/** One kind of a budget: what it gets in a minute, and what of that is left. */
export interface AllowanceSnapshot {
  readonly perMinute: number;
  /** Below zero when more was used than estimated. */
  readonly left: number;
}

/** One named budget in a snapshot; kinds without a limit are absent. */
export interface BudgetSnapshot {
  readonly name: string;
  /** Milliseconds until it may be used again; 0 when it is not paused. */
  readonly pausedMs: number;
  /** Tasks in the queue that need it. */
  readonly waiting: number;
  readonly requests?: AllowanceSnapshot;
  readonly inputTokens?: AllowanceSnapshot;
  readonly outputTokens?: AllowanceSnapshot;
}

/** A resource at one moment. */
export interface ResourceSnapshot {
  readonly name: string;
  readonly limit: number;
  /** What moved an adaptive limit last, and why; absent for one that only moves by hand. */
  readonly limitSignal?: LimitSignal;
  readonly seatsInUse: number;
  readonly waiting: number;
  readonly draining: boolean;
  readonly lanes: readonly LaneSnapshot[];
  /** The budgets in use, in order of their first use. */
  readonly budgets: readonly BudgetSnapshot[];
}

/** What became of one task, and why. Times are milliseconds. */
export interface TaskRecord {
  readonly id: string;
  readonly resource: string;
  readonly lane: string;
  readonly flow: string;
  /** What chose the lane, as the submitter said it. */
  readonly rule: string | undefined;
  readonly outcome: "finished" | "failed" | "rejected" | "evicted" | "timedOut" | "cancelled";
  readonly reason: LanewayReason | undefined;
  /** When it was submitted, on the resource's clock. */
  readonly arrivedAt: number;
  readonly endedAt: number;
  readonly waitMs: number;
  readonly runMs: number;
  /** How many stood before it in its lane when it was submitted; 0 when a seat was free. */
  readonly position: number;
  /** Seats held by each lane at the moment it had to wait or was refused. */
  readonly seatsHeldBy: Readonly<Record<string, number>>;
  /** The named budget it was charged to, or the one it waited for; undefined when it needed none. */
  readonly budget: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** Late: past its time-out or deadline. Slow: far beyond the lane's median run. Out of turn: an aged pick. */
  readonly late: boolean;
  readonly slow: boolean;
  readonly outOfTurn: boolean;
}

/** Reads a resource's state; costs a pass over its histograms, so about once a second is fine. */
export function snapshotOf(scheduler: Scheduler): ResourceSnapshot {
  const now = scheduler.clock.now();
  const { signal } = scheduler.limit;
  return {
    name: scheduler.name,
    limit: scheduler.ledger.seats,
    ...(signal === undefined ? {} : { limitSignal: signal }),
    seatsInUse: scheduler.ledger.inUse,
    waiting: scheduler.waiting + scheduler.backingOff,
    draining: scheduler.draining,
    lanes: scheduler.all.map((lane) => laneSnapshot(lane, now)),
    budgets: scheduler.budgets?.snapshot(now) ?? [],
  };
}

const PARTS = [0.5, 0.95, 0.99];

function laneSnapshot(lane: Lane, now: number): LaneSnapshot {
  return {
    name: lane.name,
    waiting: lane.waiting + lane.backingOff,
    running: lane.running,
    seats: lane.seats,
    reservation: lane.share.reservation,
    floor: lane.share.floor,
    ceiling: lane.share.ceiling,
    waitMs: percentiles(lane.waits, now),
    runMs: percentiles(lane.runTimes, now),
    throughputPerMinute: lane.runTimes.perMinute(now),
    admitted: lane.admitted,
    finished: lane.finished,
    failed: lane.failed,
    ...lane.never,
    reasons: { ...lane.reasons },
  };
}

function percentiles(histogram: Histogram, now: number): LaneSnapshot["waitMs"] {
  const [p50, p95, p99] = histogram.quantiles(PARTS, now);
  return { p50: p50!, p95: p95!, p99: p99! };
}
