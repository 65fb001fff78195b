/** What the threads of these tests do. */

import { readFile } from "node:fs/promises";
import { getPriority } from "node:os";
import { resourceLimits, workerData } from "node:worker_threads";
import { asyncContext, currentLane } from "../../../src/node/context.ts";

/** Gives back what it was given. */
export default function echo<T>(task: T): T {
  return task;
}

/** Says that it runs by the first cell, and runs until the second is set. */
export function untilTold(cells: Int32Array): void {
  Atomics.add(cells, 0, 1);
  Atomics.notify(cells, 0);
  while (Atomics.load(cells, 1) === 0);
}

/** Never ends by itself. */
export function forever(cells: Int32Array): never {
  Atomics.add(cells, 0, 1);
  Atomics.notify(cells, 0);
  for (;;);
}

/** Where it runs and for whom. */
export async function whoAmI(): Promise<object> {
  await Promise.resolve();
  const { flow, deadline, rule } = asyncContext.get() ?? {};
  return {
    lane: currentLane(),
    flow,
    rule,
    leftMs: deadline === undefined ? undefined : deadline - performance.now(),
    nice: getPriority(0),
    youngMb: resourceLimits.maxYoungGenerationSizeMb,
    data: workerData as unknown,
    argv: process.argv.slice(2),
  };
}

/** Has a file read by the threads that do so for the whole process. */
export async function readFiles(): Promise<number> {
  return (await readFile(new URL(import.meta.url))).length;
}

/** Fails as a task may. */
export function fail(message: string): never {
  throw new RangeError(message);
}

/** Ends its thread. */
export function exit(code: number): void {
  process.exit(code);
}

/** Takes memory until it may take no more. */
export function hog(): never {
  const kept: unknown[] = [];
  for (;;) kept.push(Array.from({ length: 1_000 }, (_, index) => ({ index })));
}

/** The same, in steps that each leave much behind. */
export function hogJson(): never {
  const kept: unknown[] = [];
  const text = JSON.stringify(Array.from({ length: 20_000 }, (_, i) => ({ i, a: `v${i}`, b: [i, i] })));
  for (;;) kept.push(JSON.parse(text));
}

/** Has what was handed over, and no copy of it. */
export function sum(bytes: Uint8Array): number {
  return bytes.reduce((a, b) => a + b, 0);
}

/** Fails when its task is long over. */
export function failLater(): void {
  setTimeout(() => {
    throw new Error("too late");
  }, 1);
}
