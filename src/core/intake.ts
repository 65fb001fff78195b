/** What one task asks for, read from its options and from the context it is submitted in. */

import { checkCost } from "./budget/need.ts";
import { LONGEST_MS, number, whole } from "./checks.ts";
import { laneNames } from "./config.ts";
import type { Ambient } from "./context.ts";
import { invalid } from "./errors.ts";
import type { Lane } from "./lane.ts";
import { NO_OPTIONS } from "./options.ts";
import type { TaskOptions } from "./options.ts";
import type { Records } from "./records.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Task } from "./task.ts";

const WIDEST = 1_000_000;

/** The lane that was named, else the context's, else the default. */
export function laneFor(scheduler: Scheduler, options: TaskOptions, ambient: Ambient | undefined): Lane {
  if (options.lane !== undefined) {
    const lane = scheduler.byName.get(options.lane);
    if (lane !== undefined) return lane;
    throw invalid(`resource "${scheduler.name}": lane`, `one of ${laneNames(scheduler.all)}`, options.lane);
  }
  // A lane of the context that this resource does not have is a default that does not fit, not a mistake.
  return (
    (ambient?.lane === undefined ? undefined : scheduler.byName.get(ambient.lane)) ?? scheduler.defaultLane
  );
}

export function widthOf(options: TaskOptions): number {
  if (options === NO_OPTIONS) return 1;
  checkOptions(options);
  return options.width === undefined ? 1 : whole("width", options.width, 1, WIDEST, "seats");
}

export function flowOf(options: TaskOptions, ambient: Ambient | undefined): string {
  if (options === NO_OPTIONS && ambient === undefined) return "";
  const flow = options.flow ?? ambient?.flow ?? "";
  if (typeof flow !== "string") throw invalid("flow", "a text", flow);
  return flow;
}

/** Keeps what is needed after submission, for the few tasks that have any of it; the wrong is refused before it queues. */
export function noteOptions(
  records: Records,
  task: Task,
  options: TaskOptions,
  ambient: Ambient | undefined,
): void {
  if (options === NO_OPTIONS && ambient === undefined && !records.isLooking) return;
  const { signal, id, rule, waitedMs, note } = options;
  if (waitedMs !== undefined && waitedMs > 0) task.extra.creditMs = waitedMs;
  const ambientRule = options.lane === undefined && rule === undefined ? ambient?.rule : undefined;
  const isPlain =
    signal === undefined &&
    id === undefined &&
    rule === undefined &&
    ambientRule === undefined &&
    note === undefined;
  if (isPlain && !records.isLooking) return;
  const noted = ambientRule === undefined ? options : { ...options, rule: ambientRule };
  task.extra.options = records.isLooking ? records.witnessed(noted) : noted;
}

/** Checks the options that few tasks have. */
function checkOptions({ signal, id, rule, cost, waitedMs, note }: TaskOptions): void {
  if (cost !== undefined || waitedMs !== undefined) checkCost(cost, waitedMs);
  if (signal !== undefined && !isSignal(signal)) throw invalid("signal", "an AbortSignal", signal);
  if (id !== undefined && typeof id !== "string") throw invalid("id", "a text", id);
  if (note !== undefined && (typeof note !== "object" || note === null))
    throw invalid("note", "an object", note);
  if (rule !== undefined && typeof rule !== "string") throw invalid("rule", "a text", rule);
}

function isSignal(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return "aborted" in value && "addEventListener" in value && typeof value.addEventListener === "function";
}

/**
 * The earliest instant the caller set; undefined when the lane's own time-out, which is found without a heap, is it.
 */
export function dueOf(
  options: TaskOptions,
  contextDeadline: number | undefined,
  lane: Lane,
  now: number,
): number | undefined {
  if (options === NO_OPTIONS && contextDeadline === undefined) return undefined;
  const { timeoutMs, deadline } = options;
  if (timeoutMs === undefined && deadline === undefined && contextDeadline === undefined) return undefined;
  let due = contextDeadline ?? Infinity;
  if (timeoutMs !== undefined) due = Math.min(due, now + number("timeoutMs", timeoutMs, 0, LONGEST_MS));
  if (deadline !== undefined)
    due = Math.min(due, number("deadline", deadline, -Number.MAX_VALUE, Number.MAX_VALUE));
  return timeoutMs !== undefined || due < now + lane.config.timeoutMs ? due : undefined;
}
