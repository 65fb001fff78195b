/** The lane that surrounds the running code, carried across `await`, timers and event emitters. */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Ambient, ContextPort } from "../core/context.ts";

const storage = new AsyncLocalStorage<Ambient>();

/** The async context of Node as the core's port. */
export const asyncContext: ContextPort = {
  get: () => storage.getStore(),
  run: (ambient, fn) => storage.run(ambient, fn),
};

/** What `runInLane` can set besides the lane; `deadline` is an instant on `performance.now()`. */
export interface LaneContext {
  readonly lane: string;
  readonly flow?: string;
  readonly deadline?: number;
  readonly rule?: string;
}

/**
 * Runs `fn` with a lane around it: every task that it submits, through whatever it awaits, is of that lane unless the
 * task names one itself. Return a promise that includes the work: what a lazy query builder starts after `fn` has
 * returned is outside.
 *
 * @example
 * await runInLane("bulk", async () => await exportEverything());
 */
export function runInLane<T>(lane: string | LaneContext, fn: () => T): T {
  const context = typeof lane === "string" ? { lane } : lane;
  return storage.run({ ...storage.getStore(), ...context }, fn);
}

/**
 * The lane that surrounds the running code, undefined outside of any.
 *
 * @example
 * runInLane("bulk", () => currentLane()); // => "bulk"
 */
export function currentLane(): string | undefined {
  return storage.getStore()?.lane;
}
