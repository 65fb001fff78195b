/** Step two: a seat on the upstream, at once or after waiting for it. */

import type { Permit } from "../core/permit.ts";
import type { TaskOptions } from "../core/options.ts";
import type { Call } from "./call.ts";
import type { Route } from "./classify.ts";

/** Rejects as `Resource.acquire` does, and with the call's stop reason when its client leaves while it is queued. */
export async function admit(call: Call, route: Route): Promise<Permit> {
  const { lane, flow, rule } = route.classification;
  const { resource } = route.upstream;
  const task: TaskOptions = { lane, flow, rule };
  // Most requests find a seat at once and need nothing to cancel them by. This overtakes nobody: a task that others
  // wait before is not admitted here.
  return resource.tryAcquire(task) ?? (await queue(call, resource.acquire.bind(resource), task));
}

async function queue(call: Call, acquire: (task: TaskOptions) => Promise<Permit>, task: TaskOptions): Promise<Permit> {
  const cancel = new AbortController();
  call.whenStopped((reason) => cancel.abort(reason));
  try {
    return await acquire({ ...task, signal: cancel.signal });
  } finally {
    call.whenStopped(undefined);
  }
}
