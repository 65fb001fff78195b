/**
 * Runs simulations in a thread beside the test's. The test runner watches every promise of its own thread, which makes a
 * simulation, which is all promises, three times as slow. One thread plays them all, one after the other: what the first
 * has loaded and V8 has optimised, the next ones have.
 */

import { once } from "node:events";
import { Worker, isMainThread, parentPort } from "node:worker_threads";

interface Order {
  readonly module: string;
  readonly name: string;
  readonly input: unknown;
}

let thread: Worker | undefined;
let last: Promise<unknown> = Promise.resolve();

/**
 * Calls `fn`, an export of `module` by its own name, with plain data, and returns what it resolves with.
 *
 * @example
 * const { error } = await apart(import.meta.resolve("./fairness.ts"), fairness, { scenario, seed: 1 });
 */
export function apart<Input, Result>(
  module: string,
  fn: (input: Input) => Promise<Result>,
  input: Input,
): Promise<Result> {
  const played = last.then(() => play({ module, name: fn.name, input }) as Promise<Result>);
  // A simulation that failed is its own test's business.
  last = played.catch(() => {});
  return played;
}

/** In the thread, which an error ends: the next simulation gets another. */
async function play(order: Order): Promise<unknown> {
  thread ??= new Worker(new URL(import.meta.url));
  const playing = thread;
  playing.ref();
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  playing.postMessage(order);
  try {
    // An error in the thread makes `once` reject.
    const [result] = (await once(playing, "message")) as [unknown];
    return result;
  } catch (error) {
    thread = undefined;
    throw error;
  } finally {
    // Idle, it keeps no process alive.
    playing.unref();
  }
}

async function obey({ module, name, input }: Order): Promise<void> {
  const exported = (await import(module)) as Record<string, (input: unknown) => Promise<unknown>>;
  const fn = exported[name];
  if (fn === undefined) throw new Error(`${module}: expected an export named "${name}", found none`);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
  parentPort?.postMessage(await fn(input));
}

if (!isMainThread) parentPort?.on("message", (order: Order) => void obey(order));
