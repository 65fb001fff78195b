/** Which running task this code is part of, carried by the async context. */

import type { Permit } from "./permit.ts";
import type { Scheduler } from "./scheduler.ts";
import { RUNNING, Task, latest } from "./task.ts";

/** Runs `fn` as part of the task that this permit belongs to; without an async context, as it is. */
export function runHolding<T>(scheduler: Scheduler, permit: Permit, fn: () => T): T {
  const { context } = scheduler;
  if (context === undefined) return fn();
  const outer = context.get();
  return context.run({ ...outer, holder: { task: permit, outer: outer?.holder } }, fn);
}

/** The innermost running task of this resource that the running code is part of. */
export function heldHere(scheduler: Scheduler): Permit | undefined {
  let holder = scheduler.context?.get()?.holder;
  for (; holder !== undefined; holder = holder.outer) {
    if (!(holder.task instanceof Task)) continue;
    const task = latest(holder.task);
    if (task.state === RUNNING && task.scheduler === scheduler) return holder.task;
  }
  return undefined;
}
