/** What is refused before it queues, whatever is free: its time is over, the resource's is, or memory runs out. */

import type { Lane } from "./lane.ts";
import { refusal } from "./refusal.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Task } from "./task.ts";

/** Refuses a newcomer that may not come in; false for one that goes past the queue because its lane is exempt. */
export function refuseAtTheDoor(scheduler: Scheduler, task: Task, now: number): boolean {
  const { signal } = task.options;
  if (signal?.aborted === true) scheduler.refuse(task, "cancelled", signal.reason, now);
  else if (task.dueAt! <= now)
    scheduler.refuse(task, "rejected", refusal(task, "LANEWAY_DEADLINE", "passed", now), now);
  else if (scheduler.draining || task.home.config.state === "draining")
    scheduler.refuse(task, "rejected", refusal(task, "LANEWAY_DRAINING", "draining", now), now);
  else if (!task.home.config.exempt)
    scheduler.refuse(task, "rejected", refusal(task, "LANEWAY_REJECTED", "memory", now), now);
  else return false;
  return true;
}

/** Parts of the memory in use from which on the lowest lane is refused, and the one below the top. */
const LOWEST_AT = 0.9;
const HIGHEST_AT = 0.98;
/** Each submission passes here: while there is enough, one in a second asks. */
const LOOK_EVERY_MS = 1_000;

/**
 * Whether memory is so short that a lane takes nothing new: the lowest first, the others one after the other as it goes
 * on, the top one never. A lane with nothing in hand always may take one task: what is measured is only a sign (a
 * process does not give back all it once had), and a lane that is refused everything would never be found well again.
 */
export function isShortOfMemory(scheduler: Scheduler, lane: Lane, now: number): boolean {
  const used = scheduler.memory!(now);
  if (used === undefined || used < LOWEST_AT) {
    scheduler.memoryFrom = now + LOOK_EVERY_MS;
    return false;
  }
  if (lane.config.exempt || !scheduler.config.memory) return false;
  const above = scheduler.lanes.indexOf(lane);
  if (above === 0 || lane.running + lane.waiting + lane.backingOff === 0) return false;
  const below = scheduler.lanes.length - 1 - above;
  return used >= LOWEST_AT + (below * (HIGHEST_AT - LOWEST_AT)) / Math.max(1, scheduler.lanes.length - 2);
}
