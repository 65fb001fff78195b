/** The one door through which tests look behind the public API. */

import type { Resource } from "../../src/core/resource.ts";
import { Scheduler } from "../../src/core/scheduler.ts";
import type { Task } from "../../src/core/task.ts";

/** The scheduler behind a resource: caught on its way in, for asking with a real task would leave traces. */
export function schedulerOf(resource: Resource): Scheduler {
  const submit = Object.getOwnPropertyDescriptor(Scheduler.prototype, "submit")!;
  const found: Scheduler[] = [];
  Object.defineProperty(Scheduler.prototype, "submit", {
    ...submit,
    value(this: Scheduler): Task | undefined {
      found.push(this);
      return undefined;
    },
  });
  try {
    resource.tryAcquire();
  } catch {
    // The empty answer is not what a resource expects; the scheduler is all that was wanted.
  } finally {
    Object.defineProperty(Scheduler.prototype, "submit", submit);
  }
  return found[0]!;
}
