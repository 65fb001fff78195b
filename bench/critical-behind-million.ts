/**
 * How long does a critical task wait behind a million bulk tasks, once a seat comes free? Only the time of our own
 * counts: submitting it, releasing a bulk task's seat, and everything up to the first line of the critical function.
 */

import { deepResource } from "./load.ts";
import { median, under } from "./question.ts";
import type { Question } from "./question.ts";

const WAITING = 1_000_000;
const SEATS = 10;
const TRIALS = 501;

async function milliseconds(): Promise<number> {
  const resource = deepResource(SEATS);
  // Bulk tasks end when told to, the oldest first.
  const running: (() => void)[] = [];
  const bulk = () => new Promise<void>((resolve) => running.push(resolve));
  for (let n = 0; n < WAITING; n++) void resource.run(bulk, { lane: "bulk", flow: `tenant-${n % 1_000}` });
  const figures: number[] = [];
  for (let trial = 0; trial < TRIALS; trial++) {
    const inBulk = running.length;
    const start = performance.now();
    const critical = resource.run(async () => performance.now(), { lane: "critical" });
    running.shift()!();
    figures.push((await critical) - start);
    if (running.length >= inBulk) throw new Error("critical-behind-million: a bulk task got the seat first");
    // Let the bulk task that took over start before the next trial.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return median(figures.slice(100));
}

export const question: Question = {
  asks: "How long does a critical task wait behind a million bulk tasks, once a seat comes free?",
  unit: "ms",
  cases: { laneway: { measure: milliseconds } },
  rows: (of) => [
    under("critical behind 1,000,000 bulk: time of our own until it starts", of("laneway"), 0.1, "ms"),
  ],
};
