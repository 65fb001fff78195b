/**
 * Whether a newcomer that has to wait may. It stands in the queue already, so that it is counted with the others; what
 * is put out is the newcomer itself or, where another flow or a lower lane holds more than its due, their newest.
 */

import type { Line } from "./backlog.ts";
import { dueAt, isOwnDue } from "./expiry.ts";
import type { Flow } from "./fair-queue.ts";
import type { Lane } from "./lane.ts";
import { budgetWait, longestWait, predictWait } from "./predict.ts";
import { refusal } from "./refusal.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Task } from "./task.ts";

/** True when the newcomer was refused. */
export function refuseIfOutOfBounds(scheduler: Scheduler, task: Task, now: number): boolean {
  if (cannotBeInTime(scheduler, task, now)) {
    const code = isOwnDue(task) ? "LANEWAY_DEADLINE" : "LANEWAY_TIMEOUT";
    scheduler.refuse(task, "rejected", refusal(task, code, "predicted", now), now);
    return true;
  }
  if (task.home.waiting > task.home.config.queueMax) return boundLane(scheduler, task, now);
  if (scheduler.waiting > scheduler.config.queueMax) return boundResource(scheduler, task, now);
  return false;
}

function cannotBeInTime(scheduler: Scheduler, task: Task, now: number): boolean {
  const left = dueAt(task) - now;
  if (task.more !== undefined && task.more.need !== undefined && budgetWait(scheduler, task, now) > left)
    return true;
  if (left > longestWait(scheduler)) return false;
  const { runs } = task.home;
  const wait = runs.samples === 0 ? undefined : predictWait(scheduler, task, now);
  // The median costs a sort, and cannot make it late where twice the longest run does not.
  if (wait === undefined || wait + 2 * runs.longest <= left) return false;
  return wait + runs.median(now)! > left;
}

function boundLane(scheduler: Scheduler, task: Task, now: number): boolean {
  const { fair } = task.home;
  const heaviest = fair.heaviest();
  const own = task.queue;
  const ownLoad = (own.waiting - own.returned) / own.weight;
  if (heaviest === undefined || heaviest === own || ownLoad >= heaviest.load) {
    const reason = heaviest === own && fair.backlogged > 1 ? "flow-share" : "lane-full";
    scheduler.refuse(task, "rejected", refusal(task, "LANEWAY_REJECTED", reason, now), now);
    return true;
  }
  const victim = newestOf(heaviest)!;
  scheduler.refuse(victim, "evicted", refusal(victim, "LANEWAY_EVICTED", "flow-share", now), now);
  return false;
}

function boundResource(scheduler: Scheduler, task: Task, now: number): boolean {
  const victim = scheduler.config.whenFull === "evict" ? newestOfTheLowest(scheduler, task.home) : undefined;
  if (victim === undefined) {
    scheduler.refuse(task, "rejected", refusal(task, "LANEWAY_REJECTED", "resource-full", now), now);
    return true;
  }
  scheduler.refuse(victim, "evicted", refusal(victim, "LANEWAY_EVICTED", "outranked", now), now);
  return false;
}

/** The newest waiter of the most over-share flow in the lowest waiting lane, if the newcomer's lane outranks that. */
function newestOfTheLowest(scheduler: Scheduler, newcomers: Lane): Task | undefined {
  for (let i = scheduler.lanes.length - 1; i >= 0; i--) {
    const lane = scheduler.lanes[i]!;
    if (lane.rank <= newcomers.rank) return undefined;
    const heaviest = lane.fair.heaviest();
    if (heaviest !== undefined) return newestOf(heaviest);
  }
  return undefined;
}

/** The newest waiter of a flow that was not put back: after a merge of lanes some that were may stand behind it. */
function newestOf(flow: Flow): Task | undefined {
  let newest = newestIn(flow);
  for (const strand of flow.strands ?? []) {
    const task = newestIn(strand);
    if (task !== undefined && (newest === undefined || task.seq > newest.seq)) newest = task;
  }
  return newest;
}

function newestIn(line: Line): Task | undefined {
  let task = line.tail;
  while (task?.returned === true) task = task.previous;
  return task;
}
