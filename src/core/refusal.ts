/** What a refused task is told: one sentence with the numbers, and when to come back if that makes sense. */

import { LanewayError } from "./errors.ts";
import type { LanewayCode, LanewayReason } from "./errors.ts";
import { returnAfter } from "./predict.ts";
import { waitMs } from "./task.ts";
import type { Task } from "./task.ts";

/** Another replica is up already, or this one's successor will be. */
const AFTER_DRAIN_MS = 1_000;

export function refusal(task: Task, code: LanewayCode, reason: LanewayReason, now: number): LanewayError {
  const { scheduler, home } = task;
  const retryAfterMs = comesBack(code, reason)
    ? returnAfter(scheduler, task, now)
    : code === "LANEWAY_DRAINING"
      ? AFTER_DRAIN_MS
      : undefined;
  if (retryAfterMs !== undefined) task.extra.retryAfterMs = retryAfterMs;
  // In whole seconds, rounded up, as the header `retry-after` must say it: a client that reads both is told one thing.
  const hint = retryAfterMs === undefined ? "" : `; try again in ${Math.ceil(retryAfterMs / 1_000)} s`;
  return new LanewayError(
    `resource "${scheduler.name}", lane "${home.name}": ${sentence(task, reason, now)}${hint}`,
    {
      code,
      reason,
      resource: scheduler.name,
      lane: home.name,
      flow: task.flow,
      waitMs: waitMs(task, now),
      retryAfterMs,
    },
  );
}

/** Whether coming back later can help: not for a deadline that has passed, nor for a task that ran too long. */
function comesBack(code: LanewayCode, reason: LanewayReason): boolean {
  if (code === "LANEWAY_REJECTED" || code === "LANEWAY_EVICTED") return true;
  return reason === "queue" || reason === "predicted";
}

function sentence(task: Task, reason: LanewayReason, now: number): string {
  const { scheduler, home } = task;
  const waited = `${Math.round(waitMs(task, now))} ms`;
  switch (reason) {
    case "lane-full":
      return `the lane's queue is full (${home.config.queueMax} waiting)`;
    case "resource-full":
      return `the resource's queue is full (${scheduler.config.queueMax} waiting) and no lower lane waits`;
    case "flow-share":
      return `the lane's queue is full (${home.config.queueMax} waiting) and this flow holds most of it`;
    case "memory":
      return `the process is short of memory, and the lane has a task in hand already`;
    case "outranked":
      return `put out of a full queue by a task of a higher lane, after ${waited}`;
    case "queue":
      return `waited ${waited}, longer than the lane's queue time-out of ${home.config.queueTimeoutMs} ms`;
    case "task":
      return `not done within the lane's time-out of ${home.config.timeoutMs} ms (${waited} of it queued)`;
    case "predicted":
      return `could not be done in the time that is left`;
    case "passed":
      return `the caller's deadline has passed (${waited} queued)`;
    case "draining":
      return `draining: what was accepted is being finished, nothing new is taken`;
    case "drain-timeout":
      return `draining took too long; given up after ${waited} in the queue`;
    default:
      return reason;
  }
}
