/** What a resource tells about itself: plain data, most important lane first. */

import { KINDS } from "./budget/amounts.ts";
import type { LanewayReason } from "./errors.ts";
import type { DurationTotals, Histogram } from "./histogram.ts";
import type { Cost } from "./options.ts";
import type { Lane } from "./lane.ts";
import type { LimitSignal } from "./limit/limit.ts";
import type { Scheduler } from "./scheduler.ts";

/** One lane in a snapshot. Waits cover the last one to two minutes; counters run since the start. */
export interface LaneSnapshot {
  readonly name: string;
  readonly waiting: number;
  /** How long the oldest waiter has waited, in milliseconds; 0 when nobody waits. */
  readonly oldestMs: number;
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

/** One lane in `measures()`; counts run since the start. */
export interface LaneMeasures {
  readonly name: string;
  /** Queued time of every start; a task that was put back starts again, with all that it has waited. */
  readonly waits: DurationTotals;
  /** Time that seats were held, of each task's last start. */
  readonly runs: DurationTotals;
  /** From arrival to end, of the tasks that were admitted: waits, runs and the time between. */
  readonly durations: DurationTotals;
  /** Tasks that outlived their time-out or deadline while they ran. */
  readonly overdue: number;
  /** Waiters that were served out of turn because of their age. */
  readonly agedPicks: number;
  /** Tasks that gave up their seat for a higher lane, and those that were put back for another try. */
  readonly preempted: number;
  readonly requeued: number;
  /** What attempts that are over have used of the budgets; kinds that no task named are 0. */
  readonly used: Required<Cost>;
}

/** A resource's counts since the start. */
export interface ResourceMeasures {
  readonly name: string;
  readonly lanes: readonly LaneMeasures[];
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
  /** What the submitter gave along, as it is. */
  readonly note: object | undefined;
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

/** Reads what a resource has counted. */
export function measuresOf(scheduler: Scheduler): ResourceMeasures {
  return { name: scheduler.name, lanes: scheduler.all.map(laneMeasures) };
}

function laneMeasures(lane: Lane): LaneMeasures {
  const { name, overdue, agedPicks, preempted, requeued, used } = lane;
  return {
    name,
    waits: lane.waits.totals(),
    runs: lane.runTimes.totals(),
    durations: durationsOf(lane),
    overdue,
    agedPicks,
    preempted,
    requeued,
    used: Object.fromEntries(KINDS.map((kind, i) => [kind, used[i]!])) as unknown as Required<Cost>,
  };
}

/** From arrival to end: the runs, with those that waited counted as long as they took in all. */
function durationsOf(lane: Lane): DurationTotals {
  const [runs, waited, longer] = [lane.runTimes.totals(), lane.waitedRuns.totals(), lane.longer.totals()];
  return {
    counts: runs.counts.map((count, i) => count - waited.counts[i]! + longer.counts[i]!),
    count: runs.count - waited.count + longer.count,
    sumMs: runs.sumMs - waited.sumMs + longer.sumMs,
  };
}

const PARTS = [0.5, 0.95, 0.99];

function laneSnapshot(lane: Lane, now: number): LaneSnapshot {
  return {
    name: lane.name,
    waiting: lane.waiting + lane.backingOff,
    oldestMs: Math.max(0, now - Math.min(lane.waitingSince(), now)),
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
