/** What happens when time passes: time-outs of those that wait, of those that run, and the end of back-offs. */

import type { Lane } from "./lane.ts";
import { rejoin } from "./put-back.ts";
import { refusal } from "./refusal.ts";
import type { Scheduler } from "./scheduler.ts";
import { BACKING_OFF, DUE_BY_LANE, OVERDUE, RUNNING, SHADOW, WAITING } from "./task.ts";
import type { Task } from "./task.ts";

/** Settles everything whose time has come. */
export function expireDue(scheduler: Scheduler, now: number): void {
  for (const lane of scheduler.all) expireLane(scheduler, lane, now);
  for (const lane of scheduler.retired) expireLane(scheduler, lane, now);
  for (let task = scheduler.wake.due(now); task !== undefined; task = scheduler.wake.due(now)) {
    if (dueAt(task) <= now) expire(scheduler, task, now);
    else if (task.state === BACKING_OFF) rejoin(scheduler, task, now);
    else if (task.state === WAITING) queuedTooLong(scheduler, task, now);
  }
}

/** The earliest instant at which there is something to settle, Infinity when there is none. */
export function nextExpiry(scheduler: Scheduler, now: number): number {
  let at = scheduler.wake.nextInstant;
  for (const lane of [...scheduler.all, ...scheduler.retired]) {
    const oldest = lane.arrivals.oldest();
    if (oldest !== undefined) at = Math.min(at, oldest.arrivedAt + lane.config.timeoutMs);
    const waiter = lane.arrivals.oldestWaiting();
    if (waiter !== undefined) at = Math.min(at, waiter.arrivedAt + lane.config.queueTimeoutMs);
    // A parking that has run out is looked at by the next dispatch: waking for it again would spin.
    if (lane.parkedFor !== undefined && lane.parkedUntil > now) at = Math.min(at, lane.parkedUntil);
  }
  return at;
}

/**
 * Settles the head of a queue when it must not start any more: its time is up, or less of it is left than the median
 * run takes. A task that arrived this instant is let through: a seat is free for it.
 */
export function expireHead(scheduler: Scheduler, task: Task, now: number): boolean {
  const lane = task.home;
  const due = dueAt(task);
  if (due <= now) return expire(scheduler, task, now);
  if (now === task.arrivedAt) return false;
  if (queueEndsAt(task) <= now) return queuedTooLong(scheduler, task, now);
  if (due - now >= 2 * lane.runs.longest) return false;
  const run = lane.runs.median(now);
  if (run === undefined || due - now >= run) return false;
  const code = isOwnDue(task) ? "LANEWAY_DEADLINE" : "LANEWAY_TIMEOUT";
  scheduler.refuse(task, "timedOut", refusal(task, code, "predicted", now), now);
  return true;
}

/** The instant after which nobody wants the task's result. */
export function dueAt(task: Task): number {
  return task.dueAt ?? task.arrivedAt + task.home.config.timeoutMs;
}

/**
 * The instant at which it has been queued for too long, earlier turns counted. Compare instants, never durations: with
 * fractions of milliseconds `now - arrivedAt < timeoutMs` can hold when `arrivedAt + timeoutMs` has come, and a timer
 * set for the one and judged by the other would spin.
 */
export function queueEndsAt(task: Task): number {
  const { queueTimeoutMs } = task.home.config;
  if (!task.returned) return task.arrivedAt + queueTimeoutMs;
  return task.extra.queuedAt + queueTimeoutMs - task.extra.waitedMs;
}

/** Whether that instant is the caller's own and not the lane's. */
export function isOwnDue(task: Task): boolean {
  return task.dueAt !== undefined && !task.is(DUE_BY_LANE);
}

/** The task's answer has begun: only its caller may cut it short from here on. */
export function answered(scheduler: Scheduler, task: Task): void {
  if (task.state !== RUNNING) return;
  scheduler.wake.setInstant(task, Infinity);
  task.extra.dueAt = Infinity;
}

/** Ends a task whose time is up; one that runs is answered at once and keeps its seat until it really ends. */
export function expire(scheduler: Scheduler, task: Task, now: number): true {
  if (task.state === RUNNING && task.more?.reply?.isBegun() === true) {
    answered(scheduler, task);
    return true;
  }
  const error = isOwnDue(task)
    ? refusal(task, "LANEWAY_DEADLINE", "passed", now)
    : refusal(task, "LANEWAY_TIMEOUT", "task", now);
  if (task.state !== RUNNING) {
    scheduler.refuse(task, "timedOut", error, now);
    return true;
  }
  if (task.is(OVERDUE)) return true;
  task.mark(OVERDUE);
  task.home.overdue++;
  task.home.failed++;
  task.home.countReason(error.reason);
  task.extra.cause = error;
  if (task.is(SHADOW)) return true;
  task.tell?.(error);
  task.extra.controller?.abort(error);
  return true;
}

function expireLane(scheduler: Scheduler, lane: Lane, now: number): void {
  const { timeoutMs, queueTimeoutMs } = lane.config;
  for (let task = lane.arrivals.oldest(); task !== undefined; task = lane.arrivals.oldest()) {
    if (task.arrivedAt + timeoutMs > now) break;
    expire(scheduler, task, now);
  }
  for (let task = lane.arrivals.oldestWaiting(); task !== undefined; task = lane.arrivals.oldestWaiting()) {
    if (task.arrivedAt + queueTimeoutMs > now) break;
    queuedTooLong(scheduler, task, now);
  }
}

function queuedTooLong(scheduler: Scheduler, task: Task, now: number): true {
  scheduler.refuse(task, "timedOut", refusal(task, "LANEWAY_TIMEOUT", "queue", now), now);
  return true;
}
