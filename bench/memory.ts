/** How much memory does a task take while it waits? A shared function, five lanes, a thousand flows. */

import { BareFifo } from "./floor.ts";
import { TASKS, deepResource } from "./load.ts";
import { pQueue } from "./peers.ts";
import { beside, under } from "./question.ts";
import type { Question } from "./question.ts";

const WAITING = 1_000_000;
const PEER_WAITING = 100_000;

async function nothing(): Promise<void> {}

/** Bytes of heap for each waiter, after a full collection, the promise that its caller holds included. */
function bytesOf(submit: (n: number) => Promise<unknown>, waiting: number): number {
  // A slot in a list made beforehand is not the waiter's.
  const callers: Promise<unknown>[] = Array.from({ length: waiting });
  const before = heapUsed();
  for (let n = 0; n < waiting; n++) callers[n] = submit(n);
  const bytes = (heapUsed() - before) / waiting;
  // Without this the collector may take the list before it is measured.
  if (callers.length !== waiting) throw new Error("memory: a waiter is missing");
  return bytes;
}

function heapUsed(): number {
  globalThis.gc!();
  globalThis.gc!();
  return process.memoryUsage().heapUsed;
}

const FLAGS = ["--expose-gc"];

export const question: Question = {
  asks: "How much memory does a task take while it waits?",
  unit: "bytes",
  cases: {
    laneway: {
      flags: FLAGS,
      measure: () => {
        const resource = deepResource(1);
        void resource.run(() => new Promise<never>(() => {}));
        return bytesOf((n) => resource.run(nothing, TASKS[n % TASKS.length]), WAITING);
      },
    },
    "bare FIFO": {
      flags: FLAGS,
      measure: () => {
        const fifo = new BareFifo(1);
        void fifo.run(() => new Promise<never>(() => {}));
        return bytesOf(() => fifo.run(nothing), WAITING);
      },
    },
    "p-queue": {
      flags: FLAGS,
      measure: async () => {
        const queue = await pQueue(1);
        void queue.add(() => new Promise<never>(() => {}));
        return bytesOf((n) => queue.add(nothing, { priority: -(n % 5) }), PEER_WAITING);
      },
    },
  },
  rows: (of) => [
    under("memory of one waiter of a million", of("laneway"), 400, "bytes"),
    ...["bare FIFO", "p-queue"].map((peer) =>
      beside({
        question: "memory of one waiter",
        ours: of("laneway"),
        peer,
        theirs: of(peer),
        unit: "bytes",
      }),
    ),
  ],
};
