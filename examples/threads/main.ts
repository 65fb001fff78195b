/**
 * One question of a customer behind forty of a report, on Piscina alone and on a `ThreadPool` in front of it.
 *
 *     node examples/threads/main.ts
 */

import { Piscina } from "piscina";
import { ThreadPool } from "laneway/threads";

const WORK = new URL("./primes.ts", import.meta.url);
const REPORT = Array.from({ length: 40 }, () => 60_000);

interface Answer {
  readonly count: number;
  readonly lane: string | undefined;
}

/** How many of the report's tasks were done when the customer had his answer. */
async function askBehind(report: Promise<unknown>[], ask: () => Promise<Answer>): Promise<string> {
  let done = 0;
  for (const task of report) void task.then(() => done++);
  const { count, lane } = await ask();
  const before = done;
  await Promise.all(report);
  return `${count} primes after ${before} of ${report.length} tasks of the report, lane ${lane ?? "unknown"}`;
}

const alone = new Piscina<number, Answer>({ filename: WORK.href, maxThreads: 2 });
const first = REPORT.map((limit) => alone.run(limit));
console.log(`Piscina: ${await askBehind(first, () => alone.run(1_000))}`);
await alone.destroy();

const pool = new ThreadPool<number, Answer>({ Piscina, filename: WORK, threads: 2 });
const second = REPORT.map((limit) => pool.run(limit, { lane: "bulk" }));
console.log(`ThreadPool: ${await askBehind(second, () => pool.run(1_000, { lane: "critical" }))}`);
await pool.close();
