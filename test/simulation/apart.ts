/**
 * Runs a simulation in a thread of its own. The test runner watches every promise of its own thread, which makes a
 * simulation, which is all promises, three times as slow.
 */

import { once } from "node:events";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

interface Order {
  readonly module: string;
  readonly name: string;
  readonly input: unknown;
}

/**
 * Calls `fn`, an export of `module` by its own name, with plain data, and returns what it resolves with.
 *
 * @example
 * const { error } = await apart(import.meta.resolve("./fairness.ts"), fairness, { scenario, seed: 1 });
 */
export async function apart<Input, Result>(
  module: string,
  fn: (input: Input) => Promise<Result>,
  input: Input,
): Promise<Result> {
  const order: Order = { module, name: fn.name, input };
  const worker = new Worker(new URL(import.meta.url), { workerData: order });
  // An error in the thread makes `once` reject.
  const [result] = (await once(worker, "message")) as [Result];
  await worker.terminate();
  return result;
}

async function obey({ module, name, input }: Order): Promise<void> {
  const exported = (await import(module)) as Record<string, (input: unknown) => Promise<unknown>>;
  const fn = exported[name];
  if (fn === undefined) throw new Error(`${module}: expected an export named "${name}", found none`);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
  parentPort?.postMessage(await fn(input));
}

if (!isMainThread) await obey(workerData as Order);
