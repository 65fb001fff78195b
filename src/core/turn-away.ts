/** Refusals for a cause that lies outside the resource: counted and recorded like its own. */

import { LanewayError } from "./errors.ts";
import { flowOf, laneFor, noteOptions, widthOf } from "./intake.ts";
import type { TaskOptions } from "./options.ts";
import type { Scheduler } from "./scheduler.ts";
import { Task } from "./task.ts";

/** Refuses a newcomer that the next service would refuse, for so long; undefined in shadow mode, where it is only counted. */
export function turnAway(
  scheduler: Scheduler,
  options: TaskOptions,
  retryAfterMs: number,
): LanewayError | undefined {
  const now = scheduler.clock.now();
  const ambient = scheduler.context?.get();
  const lane = laneFor(scheduler, options, ambient);
  widthOf(options);
  const task = new Task(lane.fair.peekFlow(flowOf(options, ambient)), 0, now);
  noteOptions(scheduler.records, task, options, ambient);
  task.extra.retryAfterMs = retryAfterMs;
  const { name: resource } = scheduler;
  const seconds = Math.ceil(retryAfterMs / 1_000);
  const error = new LanewayError(
    `resource "${resource}", lane "${lane.name}": the next service refuses most of this lane's calls and asked to be left alone for ${seconds} s; this one was not sent`,
    {
      code: "LANEWAY_REJECTED",
      reason: "next-service",
      resource,
      lane: lane.name,
      flow: task.flow,
      retryAfterMs,
    },
  );
  scheduler.refuse(task, "rejected", error, now);
  return scheduler.config.enforce ? error : undefined;
}
