/**
 * How long a newcomer would wait, and when one that is refused should come back. Both are the work ahead divided by the
 * rate at which the lane's queue is served, as measured while it has one. At the start of a busy period, before that is
 * known, the rate at which seats come free stands in: a lane with `n` tasks running for `m` milliseconds each frees
 * `n ÷ m` a millisecond (Little's law). Nothing measured, nothing predicted.
 */

import type { Lane } from "./lane.ts";
import type { Scheduler } from "./scheduler.ts";
import { WAITING } from "./task.ts";
import type { Task } from "./task.ts";

/** Some clients ignore a hint of a minute and more, and fall back to seconds. */
const LONGEST_RETURN_MS = 59_000;
const SHORTEST_RETURN_MS = 50;
/** Spread by up to a tenth, upwards: nobody comes before there is room. */
const JITTER = 0.1;
/** One task in a quarter of an hour: slower is as good as never, and nothing is divided by zero. */
const SLOWEST_PER_MS = 1e-6;

/** Milliseconds that a waiting newcomer would still wait, or undefined when nothing was measured. */
export function predictWait(scheduler: Scheduler, task: Task, now: number): number | undefined {
  const lane = task.home;
  const own = Math.max(0, task.queue.waiting - 1);
  return waitBehind(scheduler, lane, aheadOf(own, lane.waiting - 1, lane.fair.backlogged), now);
}

/**
 * Tasks of its lane that go before a newcomer, at most: in the lane a flow goes before others that hold more of it, so at
 * most one of theirs for each of its own. `flows` are those with a queue, its own counted.
 */
export function aheadOf(own: number, others: number, flows: number): number {
  return Math.min(others, (own + 1) * flows - 1);
}

/** Milliseconds until so many of a lane's queue have started and one more does; undefined when nothing was measured. */
export function waitBehind(
  scheduler: Scheduler,
  lane: Lane,
  inLane: number,
  now: number,
): number | undefined {
  const pace = paceOf(lane, now);
  if (pace !== undefined) return (inLane + 0.5) / Math.max(pace, SLOWEST_PER_MS);
  const rate = rateFor(scheduler, lane, now);
  if (rate === undefined) return undefined;
  let ahead = inLane;
  for (const other of scheduler.lanes) {
    if (other.rank >= lane.rank) break;
    if (!lane.belowReservation || other.belowReservation) ahead += other.waiting;
  }
  return (ahead + 0.5) / rate;
}

/** Milliseconds that a waiting newcomer would still wait if nothing but its budget held it back; 0 when it needs none. */
export function budgetWait(scheduler: Scheduler, task: Task, now: number): number {
  const lane = task.home;
  if (task.more?.need === undefined) return 0;
  const before = (Math.max(0, task.queue.waiting - 1) + 1) * lane.fair.backlogged;
  return scheduler.budgets!.waitMs(task, lane.waiting === 0 ? 0 : Math.min(1, before / lane.waiting), now);
}

/** The measured rate at which the lane's queue is served; undefined when that is not known yet. */
function paceOf(lane: Lane, now: number): number | undefined {
  const run = lane.runs.mean(now);
  return run === undefined || lane.waiting === 0 ? undefined : lane.pace.perMs(now, run);
}

/** Tasks a millisecond that end and leave their seat to this lane or one above it. */
function rateFor(scheduler: Scheduler, lane: Lane, now: number): number | undefined {
  let rate = 0;
  for (const other of scheduler.lanes) {
    if (other.running === 0) continue;
    const run = other.runs.mean(now);
    if (run === undefined) continue;
    rate += (other.running / Math.max(run, 0.001)) * (other === lane ? 1 : passedOn(other, lane));
  }
  return rate > 0 ? rate : undefined;
}

/** The part of another lane's freed seats that it does not get back itself. */
function passedOn(other: Lane, lane: Lane): number {
  const demanded = other.seats + other.waiting;
  const kept = other.rank > lane.rank && other.waiting > 0 ? Math.min(other.share.reservation, demanded) : 0;
  const keeps = Math.max(other.share.floor, lane.belowReservation ? 0 : kept);
  return other.seats === 0 ? 0 : Math.max(0, other.seats - keeps) / other.seats;
}

/**
 * Well above what any newcomer could wait, without a look into the queues: spares most of them the prediction.
 * `newcomers`: those that do not stand in a queue yet.
 */
export function longestWait(scheduler: Scheduler, newcomers = 0): number {
  let longest = 0;
  for (const lane of scheduler.lanes) if (lane.runs.longest > longest) longest = lane.runs.longest;
  return 4 * longest * (scheduler.waiting + newcomers + 2);
}

/**
 * When a refused task should come back, in milliseconds. Each one told reserves its place: the next is told a later
 * time, so that they return as fast as the lane can take them and no faster.
 */
export function returnAfter(scheduler: Scheduler, task: Task, now: number): number {
  const lane = task.home;
  const run = lane.runs.mean(now) ?? meanOfAll(scheduler, now);
  if (run === undefined) return jittered(scheduler, 1_000);
  const seats = Math.max(
    lane.running,
    lane.share.reservation,
    scheduler.config.agingBudget * scheduler.ledger.seats,
  );
  const rate = Math.max(paceOf(lane, now) ?? seats / Math.max(run, 0.001), SLOWEST_PER_MS);
  // It stands in the queue itself while it is being refused.
  const ahead = lane.waiting - (task.state === WAITING ? 1 : 0);
  const drained = now + Math.max(ahead / rate, budgetWait(scheduler, task, now));
  const at = Math.min(Math.max(lane.returnsUntil, drained) + 1 / rate, now + LONGEST_RETURN_MS);
  lane.returnsUntil = at;
  return jittered(scheduler, at - now);
}

function jittered(scheduler: Scheduler, ms: number): number {
  const spread = Math.max(ms, SHORTEST_RETURN_MS) * (1 + JITTER * scheduler.random());
  return Math.min(LONGEST_RETURN_MS, Math.ceil(spread));
}

function meanOfAll(scheduler: Scheduler, now: number): number | undefined {
  const means = scheduler.lanes.map((lane) => lane.runs.mean(now)).filter((mean) => mean !== undefined);
  return means.length === 0 ? undefined : means.reduce((sum, mean) => sum + mean, 0) / means.length;
}
