/**
 * What does it cost when a caller gives up while a hundred thousand wait? Each waiter has an `AbortSignal` of its own.
 *
 * Most of an `abort()` is the platform's: it makes an event and calls a listener, which rejects a promise. What that
 * costs without any queue is measured beside, and the bar is on what we add to it.
 */

import { TASKS, deepResource } from "./load.ts";
import { pQueue } from "./peers.ts";
import { beside, median, under, workedMicroseconds } from "./question.ts";
import type { Question } from "./question.ts";

const WAITING = 100_000;
const CANCELLED = 2_000;
const WINDOWS = 7;

async function nothing(): Promise<void> {}

type Submit = (n: number, signal: AbortSignal) => Promise<unknown>;

/** Microseconds for one `abort()`, callers picked from all over the queue; whoever left is replaced between windows. */
async function microsecondsOf(submit: Submit): Promise<number> {
  const callers = Array.from({ length: WAITING }, () => new AbortController());
  const begin = (n: number) => void submit(n, callers[n]!.signal).catch(() => {});
  for (let n = 0; n < WAITING; n++) begin(n);
  const figures: number[] = [];
  for (let window = 0; window <= WINDOWS; window++) {
    // A stride that shares no factor with the number of waiters visits lanes and flows evenly.
    const leaving = Array.from({ length: CANCELLED }, (_, i) => ((window * CANCELLED + i) * 7_919) % WAITING);
    const before = workedMicroseconds();
    for (const n of leaving) callers[n]!.abort();
    figures.push((workedMicroseconds() - before) / CANCELLED);
    for (const n of leaving) {
      callers[n] = new AbortController();
      begin(n);
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return median(figures.slice(1));
}

export const question: Question = {
  asks: "What does it cost when a caller gives up while a hundred thousand wait?",
  unit: "µs",
  cases: {
    laneway: {
      measure: () => {
        const resource = deepResource(1);
        void resource.run(() => new Promise<never>(() => {}));
        return microsecondsOf((n, signal) => resource.run(nothing, { ...TASKS[n % TASKS.length], signal }));
      },
    },
    "p-queue": {
      measure: async () => {
        const queue = await pQueue(1);
        void queue.add(() => new Promise<never>(() => {}));
        return microsecondsOf((n, signal) => queue.add(nothing, { priority: -(n % 5), signal }));
      },
    },
    "abort() alone": {
      measure: () =>
        microsecondsOf(
          (_, signal) =>
            new Promise((_resolve, reject) => signal.addEventListener("abort", reject, { once: true })),
        ),
    },
  },
  rows: (of) => {
    const what = "abort one of 100,000 waiters";
    const alone = of("abort() alone");
    return [
      under(
        "cancel one of 100,000 waiters, beyond the platform's own abort()",
        Math.max(0, of("laneway") - alone),
        5,
        "µs",
      ),
      beside({ question: what, ours: of("laneway"), peer: "abort() alone", theirs: alone, unit: "µs" }),
      beside({ question: what, ours: of("laneway"), peer: "p-queue", theirs: of("p-queue"), unit: "µs" }),
    ];
  },
};
