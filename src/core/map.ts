/** `resource.map`: many items through one lane, in order, with no more of them in memory than can run. */

import { isLanewayError } from "./errors.ts";
import { runHolding } from "./holding.ts";
import type { TaskOptions } from "./options.ts";
import type { Permit } from "./permit.ts";
import type { Resource } from "./resource.ts";
import type { Scheduler } from "./scheduler.ts";

/** After a refusal that names no time. */
const RETRY_MS = 1_000;

type Outcome<Result> = { readonly value: Result } | { readonly error: unknown };

/** Yields `fn` of each item in input order; see `Resource.map`. */
export async function* mapInLane<Item, Result>(
  resource: Resource,
  scheduler: Scheduler,
  items: Iterable<Item> | AsyncIterable<Item>,
  fn: (item: Item, permit: Permit) => Result | PromiseLike<Result>,
  task: TaskOptions,
): AsyncGenerator<Result, void, undefined> {
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const stop = new AbortController();
  const signal = task.signal === undefined ? stop.signal : AbortSignal.any([task.signal, stop.signal]);
  const options: TaskOptions = { ...task, signal };
  const submitted: Promise<Outcome<Result>>[] = [];
  let failed = false;
  let done = false;
  try {
    while (!done || submitted.length > 0) {
      while (!done && !failed && submitted.length < scheduler.ledger.seats) {
        await resource.ready(options);
        // One that was submitted before may have failed while the lane was full.
        if (failed) break;
        const next = await source.next();
        if (next.done === true) done = true;
        else {
          const outcome = submit(resource, scheduler, next.value, fn, options);
          submitted.push(outcome);
          void outcome.then((settled) => (failed ||= "error" in settled));
        }
      }
      const first = submitted.shift();
      if (first === undefined) break;
      const outcome = await first;
      if ("error" in outcome) throw outcome.error;
      yield outcome.value;
    }
  } finally {
    // A consumer that stops early, or an error: what waits is given up, what runs is told, and the input is closed.
    stop.abort();
    if (!done) await source.return?.();
  }
}

/** Settles always, so that an error is met in its turn and never as an unhandled rejection. */
async function submit<Item, Result>(
  resource: Resource,
  scheduler: Scheduler,
  item: Item,
  fn: (item: Item, permit: Permit) => Result | PromiseLike<Result>,
  options: TaskOptions,
): Promise<Outcome<Result>> {
  for (;;) {
    let started = false;
    try {
      const value = await resource.run((permit) => {
        started = true;
        // A call of the same resource in here would take a second seat: its adapter must be able to tell.
        return scheduler.nesting === undefined
          ? runHolding(scheduler, permit, () => fn(item, permit))
          : fn(item, permit);
      }, options);
      return { value };
    } catch (error) {
      if (started || !wasShed(error)) return { error };
      await pause(
        scheduler,
        isLanewayError(error) ? (error.retryAfterMs ?? RETRY_MS) : RETRY_MS,
        options.signal!,
      );
      if (options.signal!.aborted) return { error: options.signal!.reason };
    }
  }
}

/** Resolves after `ms`, or as soon as the signal aborts. */
function pause(scheduler: Scheduler, ms: number, signal: AbortSignal): Promise<void> {
  // Its event has been: to listen now would be to wait in full.
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = scheduler.clock.after(ms, end);
    signal.addEventListener("abort", end, { once: true });
  });
}

/** Refused by us for want of room, and not because there is no point in coming back. */
function wasShed(error: unknown): boolean {
  if (!isLanewayError(error)) return false;
  return error.code === "LANEWAY_REJECTED" || error.code === "LANEWAY_EVICTED" || error.reason === "queue";
}
