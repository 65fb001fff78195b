/** The lane that surrounds the running code, carried across `await`, timers and event emitters. */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Ambient, ContextPort } from "../core/context.ts";

const storage = new AsyncLocalStorage<Ambient>();

/** The lane that the whole process was started in, by `laneway run` or `spawnInLane`: read once, for each look costs 0.2 µs. */
let ofProcess: Ambient | undefined = ambientOf(process.env["LANEWAY_LANE"]);

function ambientOf(lane: string | undefined): Ambient | undefined {
  return lane === undefined || lane === "" ? undefined : { lane, rule: "LANEWAY_LANE" };
}

/** From here on everything in this process that is in no lane of its own is in this one. */
export function setProcessLane(lane: string): void {
  ofProcess = ambientOf(lane);
}

/** The async context of Node as the core's port. */
export const asyncContext: ContextPort = {
  get: () => storage.getStore() ?? ofProcess,
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
 * task names one itself. Return what includes the work: a promise, or a query builder that begins when it is awaited.
 * What `fn` only stores somewhere and somebody else begins later is outside.
 *
 * @example
 * await runInLane("bulk", async () => await exportEverything());
 */
export function runInLane<T>(lane: string | LaneContext, fn: () => T): T {
  const context = typeof lane === "string" ? { lane } : lane;
  const ambient = { ...storage.getStore(), ...context };
  const result = storage.run(ambient, fn);
  if (beginsLater(result)) keepAmbient(result, ambient);
  return result;
}

/** A query builder: something to await that is no promise yet, and may begin only when it is awaited. */
function beginsLater(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !(value instanceof Promise) &&
    "then" in value &&
    typeof value.then === "function"
  );
}

/** Whoever awaits it later begins it in this context: half of the query builders would lose their lane otherwise. */
function keepAmbient(builder: PromiseLike<unknown>, ambient: Ambient): void {
  // oxlint-disable-next-line typescript/unbound-method
  const { then } = builder;
  const value = (...given: Parameters<typeof then>): unknown =>
    storage.run(ambient, () => Reflect.apply(then, builder, given));
  // One that is frozen is as it was.
  // oxlint-disable-next-line unicorn/no-thenable
  Reflect.defineProperty(builder, "then", { value, configurable: true, writable: true, enumerable: false });
}

/**
 * The lane that surrounds the running code, else the one that the process was started in (`LANEWAY_LANE`, as `laneway
 * run` sets it); undefined outside of any.
 *
 * @example
 * runInLane("bulk", () => currentLane()); // => "bulk"
 */
export function currentLane(): string | undefined {
  return asyncContext.get()?.lane;
}
