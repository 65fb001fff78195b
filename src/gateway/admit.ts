/** Step two: a seat on the upstream, at once or after waiting for it. */

import type { Permit } from "../core/permit.ts";
import type { TaskOptions } from "../core/options.ts";
import { forwardedDeadlineMs } from "../policy/forwarded.ts";
import type { Call } from "./call.ts";
import type { Route } from "./classify.ts";

/**
 * A seat that is free, if this request may have it now. Most find one at once, and those need nothing to cancel them by.
 * It overtakes nobody: a request that others wait before gets none here.
 */
export function admitAtOnce(call: Call, route: Route): Permit | undefined {
  return route.upstream.resource.tryAcquire(taskOf(call, route));
}

/** Waits for a seat. Rejects as `Resource.acquire` does, and with the reason for which the call is stopped. */
export async function queue(call: Call, route: Route): Promise<Permit> {
  const cancel = new AbortController();
  call.whenStopped((reason) => cancel.abort(reason));
  try {
    return await route.upstream.resource.acquire({ ...taskOf(call, route), signal: cancel.signal });
  } finally {
    call.whenStopped(undefined);
  }
}

function taskOf(call: Call, { classification: { lane, flow, rule } }: Route): TaskOptions {
  const { id, notes: note } = call;
  const leftMs = forwardedDeadlineMs(call);
  if (leftMs === undefined) return { lane, flow, rule, id, note };
  // It may have been waiting for its own body until now.
  const passedMs = performance.now() - call.startedAt;
  note.timeoutMs = Math.max(0, leftMs - passedMs);
  return { lane, flow, rule, id, note, timeoutMs: note.timeoutMs };
}
