/** What passes between the scheduler and a limit: the limit is told of tasks, the scheduler of moves. */

import { limitChanged } from "../reconfigure.ts";
import type { Scheduler } from "../scheduler.ts";
import { floorSeats } from "../seats.ts";
import { EXEMPT, OVERDUE } from "../task.ts";
import type { Task } from "../task.ts";
import type { Limit } from "./limit.ts";

/** Tells the limit of a run that is over; one that came too late has failed, whatever became of it. */
export function learn(task: Task, runMs: number, seatsInUse: number, failed: boolean, now: number): void {
  const { limit, waiting } = task.scheduler;
  if (task.is(EXEMPT)) return;
  limit.onRelease?.(runMs, seatsInUse, failed || task.is(OVERDUE), waiting, now);
}

/** Follows a limit from now on; what one that was replaced says is not heard any more. */
export function follow(scheduler: Scheduler, limit: Limit): void {
  scheduler.limit = limit;
  limit.onChange?.(() => {
    if (scheduler.limit === limit) limitChanged(scheduler);
  });
}

/**
 * The seats there are, after telling the limit what the floors need that are given as seats, and one seat more: floors never take everything. Those
 * given as percentages follow the limit.
 */
export function seatsAboveFloors(scheduler: Scheduler): number {
  const floors = scheduler.config.lanes.reduce(
    (sum, { reservation, lendable }) =>
      typeof reservation === "number" ? sum + floorSeats(reservation, lendable) : sum,
    0,
  );
  scheduler.limit.atLeast?.(floors + 1);
  return scheduler.limit.current;
}
