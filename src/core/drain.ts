/** The end of a resource: what was accepted is finished, nothing new is taken. */

import { LONGEST_MS, number } from "./checks.ts";
import { refusal } from "./refusal.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Task } from "./task.ts";

/** Resolves true when all that was accepted has ended, false when `timeoutMs` passed first. */
export function drain(scheduler: Scheduler, timeoutMs: number): Promise<boolean> {
  number("drain: timeoutMs", timeoutMs, 0, LONGEST_MS);
  scheduler.draining = true;
  scheduler.vacancies.drain(scheduler.clock.now());
  if (scheduler.idle) return Promise.resolve(true);
  return new Promise((resolve) => {
    const cancel = scheduler.clock.after(timeoutMs, () => {
      scheduler.whenIdle.delete(done);
      giveUp(scheduler);
      resolve(scheduler.idle);
    });
    const done = (): void => {
      cancel();
      resolve(true);
    };
    scheduler.whenIdle.add(done);
  });
}

function giveUp(scheduler: Scheduler): void {
  const now = scheduler.clock.now();
  scheduler.drained = true;
  for (const task of accepted(scheduler)) refuseDrained(scheduler, task, now);
  scheduler.afterChange(now);
}

/** Gives up a task for which the drain has no time left. */
export function refuseDrained(scheduler: Scheduler, task: Task, now: number): void {
  scheduler.refuse(task, "evicted", refusal(task, "LANEWAY_DRAINING", "drain-timeout", now), now);
}

/** All that wait or are held back, in every lane. */
function accepted(scheduler: Scheduler): Task[] {
  return [...scheduler.all.flatMap((lane) => [...lane.fair.waiting()]), ...scheduler.wake.backingOff()];
}
