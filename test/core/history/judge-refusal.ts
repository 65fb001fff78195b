/** Whether a task was rightly refused, and whether the right one was. The task still stands where it stood. */

import { isLanewayError } from "../../../src/core/errors.ts";
import type { LanewayError } from "../../../src/core/errors.ts";
import type { Lane, NeverStarted } from "../../../src/core/lane.ts";
import { OVERDUE, WAITING, waitMs } from "../../../src/core/task.ts";
import type { Task } from "../../../src/core/task.ts";
import type { Audit } from "./audit.ts";

/** Rejected, timed out, or put back and refused later. */
export function judgeRefusal(
  audit: Audit,
  task: Task,
  outcome: NeverStarted,
  cause: LanewayError,
  now: number,
): void {
  const lane = task.home;
  const due = task.dueAt ?? task.arrivedAt + lane.config.timeoutMs;
  switch (cause.reason) {
    case "passed":
    case "task":
      // One that was put back after it had been answered is over already.
      if (due > now && !task.is(OVERDUE))
        audit.fault(10, `refused at ${now} as too late, but its time is up only at ${due}`);
      break;
    case "queue":
      if (task.returned && audit.lanesChanged) break;
      if (waitMs(task, now) < lane.config.queueTimeoutMs - 1e-6)
        audit.fault(9, "its queue time-out is not over yet");
      break;
    case "predicted":
      judgePrediction(audit, task, outcome, now);
      break;
    case "lane-full":
    case "flow-share":
      if (waitingIn(audit, lane).length <= lane.config.queueMax)
        audit.fault(9, `rejected from lane ${lane.name}, which is not full`);
      judgeNewcomer(audit, task, cause);
      break;
    case "resource-full":
      if (audit.scheduler.waiting <= audit.scheduler.config.queueMax)
        audit.fault(9, "rejected from a resource that is not full");
      if (task.returned) audit.fault(9, "a task that was put back was put out");
      break;
    case "nested":
      if (audit.scheduler.nesting === undefined)
        audit.fault(18, "refused as a deadlock although nobody looks for them");
      break;
    default:
  }
  judgeRetryAfter(audit, cause);
}

function judgePrediction(audit: Audit, task: Task, outcome: NeverStarted, now: number): void {
  const lane = task.home;
  // How fast a budget refills is known, not measured.
  if (task.more?.need !== undefined) return;
  if (lane.runs.samples === 0) audit.fault(10, `predicted without a measurement in lane ${lane.name}`);
  const left = (task.dueAt ?? task.arrivedAt + lane.config.timeoutMs) - now;
  if (outcome === "timedOut" && left >= lane.runs.longest * 1.5)
    audit.fault(10, `given up with ${left} ms left, but no run took half as long`);
  const wideWaits = [...audit.live].some((other) => other.state === WAITING && other.width > 1);
  if (outcome === "rejected" && !wideWaits && audit.room(lane).room >= task.width)
    audit.fault(10, "predicted to be late although a seat is free");
}

/** A full lane puts out the newest of the flow that holds most of it for its weight, the newcomer counted and put out on a tie. */
function judgeNewcomer(audit: Audit, task: Task, cause: LanewayError): void {
  if (task.returned) return audit.fault(9, "a task that was put back was put out");
  const heaviest = heaviestLoad(audit, task.home);
  const own = loadOf(audit, task);
  if (own < heaviest - 1e-9)
    audit.fault(9, `a newcomer of a flow with ${own} was put out, another flow has ${heaviest}`);
  const flows = new Set(waitingIn(audit, task.home).map((other) => other.queue));
  if (cause.reason === "flow-share" && flows.size < 2)
    audit.fault(9, "flow-share with a single flow in the queue");
}

/** Put out of a queue that it stood in. */
export function judgeEviction(audit: Audit, task: Task, cause: LanewayError): void {
  judgeRetryAfter(audit, cause);
  if (cause.reason === "drain-timeout") return;
  const lane = task.home;
  if (task.returned) audit.fault(9, "a task that was put back was put out");
  const younger = waitingIn(audit, lane).some(
    (other) => other.queue === task.queue && !other.returned && other.seq > task.seq,
  );
  if (younger) audit.fault(9, "put out, but its flow has a newer waiter");
  if (loadOf(audit, task) < heaviestLoad(audit, lane) - 1e-9)
    audit.fault(9, "put out, but another flow holds more of the lane");
  const newcomer = newest(audit);
  if (cause.reason === "outranked") {
    if (newcomer.home.rank >= lane.rank)
      audit.fault(9, `lane ${newcomer.home.name} put out a waiter of lane ${lane.name}`);
    const lower = audit.scheduler.lanes.some(
      (other) => other.rank > lane.rank && waitingIn(audit, other).some((waiter) => !waiter.returned),
    );
    if (lower) audit.fault(9, `put out of lane ${lane.name}, but a lower lane waits`);
  } else if (cause.reason === "flow-share") {
    if (waitingIn(audit, lane).length <= lane.config.queueMax)
      audit.fault(9, `put out of lane ${lane.name}, which is not full`);
    if (loadOf(audit, newcomer) >= loadOf(audit, task) - 1e-9)
      audit.fault(9, "put out for a flow that holds as much");
  }
}

function judgeRetryAfter(audit: Audit, cause: LanewayError): void {
  const { retryAfterMs, code, reason } = cause;
  if (!isLanewayError(cause)) audit.fault(13, "not recognised as our error");
  if (retryAfterMs !== undefined && !(retryAfterMs >= 50 && retryAfterMs <= 59_000))
    audit.fault(13, `retry after ${retryAfterMs} ms`);
  if (
    retryAfterMs === undefined &&
    (code === "LANEWAY_REJECTED" || code === "LANEWAY_EVICTED" || reason === "queue")
  )
    audit.fault(13, `${code} ${reason} does not say when to come back`);
}

function waitingIn(audit: Audit, lane: Lane): Task[] {
  return [...audit.live].filter((task) => task.state === WAITING && task.home === lane);
}

function loadOf(audit: Audit, task: Task): number {
  return (
    waitingIn(audit, task.home).filter((other) => other.queue === task.queue && !other.returned).length /
    task.queue.weight
  );
}

function heaviestLoad(audit: Audit, lane: Lane): number {
  return Math.max(0, ...waitingIn(audit, lane).map((task) => loadOf(audit, task)));
}

function newest(audit: Audit): Task {
  // Its number says nothing where it has waited before; of those that came together the last one stands last here.
  return [...audit.live]
    .filter((task) => task.state === WAITING)
    .reduce((a, b) => (a.arrivedAt > b.arrivedAt ? a : b));
}
