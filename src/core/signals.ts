/** The two abort signals of a task: its caller's, which it listens to, and its permit's, which it gives. */

import { ENDED, OVERDUE, SHADOW } from "./task.ts";
import type { Task } from "./task.ts";

/** The signal of a permit: made when somebody reads it, for few do. */
export function signalOf(task: Task): AbortSignal {
  const extra = task.extra;
  if (extra.controller === undefined) {
    extra.controller = new AbortController();
    if (task.options.signal?.aborted === true) extra.controller.abort(task.options.signal.reason);
    else if (task.is(OVERDUE) && !task.is(SHADOW)) extra.controller.abort(extra.cause);
    else if (task.state !== ENDED || task.is(SHADOW)) listen(task);
  }
  return extra.controller.signal;
}

/** A waiter leaves the queue when its caller gives up; a running task is told through its permit's signal. */
export function listen(task: Task): void {
  const signal = task.options.signal;
  if (signal === undefined || task.extra.onAbort !== undefined) return;
  task.extra.onAbort = () => {
    task.scheduler.giveUp(task, signal.reason);
    task.extra.controller?.abort(signal.reason);
  };
  signal.addEventListener("abort", task.extra.onAbort, { once: true });
}

export function unlisten(task: Task): void {
  const onAbort = task.more?.onAbort;
  if (onAbort === undefined) return;
  task.options.signal?.removeEventListener("abort", onAbort);
  task.extra.onAbort = undefined;
}
