/**
 * Do lanes keep a thread pool fast for what is important, and what do they cost? Piscina alone beside `ThreadPool` in front
 * of Piscina, in one process. Takes a minute.
 */

import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Piscina } from "piscina";
import { ThreadPool } from "../src/adapters/threads.ts";
import type { Span } from "./threads-work.ts";
import { beside, median, over, under, workedMicroseconds } from "./question.ts";
import type { BenchRow } from "./row.ts";

/** One processor is left to the event loop, which hands the threads over. */
const THREADS = Math.max(1, Math.min(4, availableParallelism() - 1));
const WORK = new URL("./threads-work.ts", import.meta.url);
const BULK_MS = 10;
/** So many bulk tasks wait at any time. */
const BACKLOG = 50;
const CRITICAL = 100;
const CRITICAL_EVERY_MS = 15;
const WAIT_ROUNDS = 5;
const ROUNDS = 9;
const ROUND_MS = 400;
const SHORT_MS = 1;
const EMPTY_TASKS = 2_000;

/** One way to run a task: ours or the peer's. */
interface Pool {
  run(ms: number, lane: string): Promise<Span>;
  nothing(): Promise<unknown>;
  close(): Promise<void>;
}

/** Runs all; rows for the report. */
export async function threadsBench(): Promise<BenchRow[]> {
  const ours = { afterMs: [] as number[], waitMs: [] as number[] };
  const theirs: number[] = [];
  for (let round = 0; round < WAIT_ROUNDS; round++) {
    const { afterMs, waitMs } = await behindBulk(laned());
    ours.afterMs.push(percentile(afterMs, 99));
    ours.waitMs.push(percentile(waitMs, 99));
    theirs.push(percentile((await behindBulk(piscina())).waitMs, 99));
  }
  const what = `all ${THREADS} of the threads busy, ${BACKLOG} bulk tasks of ${BULK_MS} ms waiting`;
  const [oursEmpty, theirsEmpty] = await emptyTasks();
  return [
    under(`${what}: critical starts after the next bulk task has ended, p99`, median(ours.afterMs), 2, "ms"),
    beside({
      question: `${what}: critical waits, p99`,
      ours: median(ours.waitMs),
      peer: "Piscina",
      theirs: median(theirs),
      unit: "ms",
    }),
    over(
      `tasks of ${SHORT_MS} ms, as many as there are threads: throughput, of Piscina's`,
      await throughput(),
      95,
      "%",
    ),
    beside({
      question: "an empty task: processor time of all threads",
      ours: oursEmpty,
      peer: "Piscina",
      theirs: theirsEmpty,
      unit: "µs",
    }),
  ];
}

function laned(): Pool {
  const pool = new ThreadPool<number, Span>({ Piscina, filename: WORK, threads: THREADS });
  return {
    run: (ms, lane) => pool.run(ms, { lane }),
    nothing: () => pool.run(0, { name: "nothing" }),
    close: () => pool.close(),
  };
}

function piscina(): Pool {
  const pool = new Piscina<number, Span>({
    filename: WORK.href,
    minThreads: THREADS,
    maxThreads: THREADS,
  });
  return {
    run: (ms) => pool.run(ms),
    nothing: () => pool.run(0, { name: "nothing" }),
    close: () => pool.destroy(),
  };
}

/**
 * How long critical tasks wait while bulk never ends: from the call to their first instruction, and, of that, from the
 * first moment at which a bulk task had left its thread.
 */
async function behindBulk(pool: Pool): Promise<{ waitMs: number[]; afterMs: number[] }> {
  const bulkEnds: number[] = [];
  let going = true;
  const load = Array.from({ length: BACKLOG + THREADS }, async () => {
    while (going) bulkEnds.push((await pool.run(BULK_MS, "bulk")).to);
  });
  await sleep(10 * BULK_MS);
  const asked: Promise<{ at: number; from: number }>[] = [];
  for (let n = 0; n < CRITICAL; n++) {
    const at = performance.timeOrigin + performance.now();
    asked.push(pool.run(0, "critical").then(({ from }) => ({ at, from })));
    await sleep(CRITICAL_EVERY_MS * (0.5 + Math.random()));
  }
  const spans = await Promise.all(asked);
  going = false;
  await Promise.all(load);
  await pool.close();
  bulkEnds.sort((a, b) => a - b);
  return {
    waitMs: spans.map(({ at, from }) => from - at),
    // A thread may have been free already: then it is the call itself that counts.
    afterMs: spans.map(({ at, from }) => {
      const end = bulkEnds.find((instant) => instant >= at) ?? at;
      return Math.max(0, from - Math.min(end, from));
    }),
  };
}

/** The median over rounds in which both take turns, in per cent of Piscina's. */
async function throughput(): Promise<number> {
  const pools = [piscina(), laned()];
  const round = async (pool: Pool): Promise<number> => {
    let count = 0;
    const until = performance.now() + ROUND_MS;
    const worker = async (): Promise<void> => {
      for (; performance.now() < until; count++) await pool.run(SHORT_MS, "normal");
    };
    await Promise.all(Array.from({ length: THREADS }, worker));
    return count;
  };
  const ratios: number[] = [];
  for (const pool of pools) await round(pool);
  for (let i = 0; i < ROUNDS; i++) {
    const [theirs, ours] = [await round(pools[0]!), await round(pools[1]!)];
    ratios.push((100 * ours) / theirs);
  }
  await Promise.all(pools.map((pool) => pool.close()));
  return median(ratios);
}

/** Microseconds of processor time for an empty task: ours and Piscina's. */
async function emptyTasks(): Promise<[number, number]> {
  const pools = [laned(), piscina()];
  const figures: [number[], number[]] = [[], []];
  const round = async (pool: Pool): Promise<number> => {
    const before = workedMicroseconds();
    for (let n = 0; n < EMPTY_TASKS; n++) await pool.nothing();
    return (workedMicroseconds() - before) / EMPTY_TASKS;
  };
  for (const pool of pools) await round(pool);
  for (let i = 0; i < ROUNDS; i++)
    for (const which of [0, 1] as const) figures[which].push(await round(pools[which]!));
  await Promise.all(pools.map((pool) => pool.close()));
  return [median(figures[0]), median(figures[1])];
}

function percentile(figures: readonly number[], percent: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1)]!;
}
