/**
 * Do lanes keep a thread pool fast for what is important, and what do they cost? Piscina alone beside `ThreadPool` in front
 * of Piscina, in one process, taking turns. Takes half a minute.
 */

import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Piscina } from "piscina";
import { ThreadPool } from "../src/adapters/threads.ts";
import type { Span } from "./threads-work.ts";
import { beside, median, over, under } from "./question.ts";
import type { BenchRow } from "./row.ts";

/** One processor is left to the event loop, which hands the threads over. */
const THREADS = Math.max(1, Math.min(4, availableParallelism() - 1));
const WORK = new URL("./threads-work.ts", import.meta.url);
const BULK_MS = 10;
/** So many bulk tasks wait at any time. */
const BACKLOG = 50;
const CRITICAL = 100;
const CRITICAL_EVERY_MS = 15;
const ROUNDS = 5;
/** Taken in turns, many in one round: what else the machine does falls on both. */
const TURNS = 5;
const TURN_MS = 100;
const SHORT_MS = 1;
/** What is not compiled yet is in nobody's throughput. */
const WARM_UP_TASKS = 2_000;

/** A task, and since when it had its seat: its thread may need a moment to wake up. */
interface Held extends Span {
  readonly since: number;
}

/** One way to run a task: ours or the peer's. */
interface Pool {
  run(ms: number, lane: string): Promise<Span>;
  nothing(): Promise<unknown>;
  close(): Promise<void>;
}

/** Runs all; rows for the report. */
export async function threadsBench(): Promise<BenchRow[]> {
  const behind = await behindBulk();
  const bulk = `behind ${BACKLOG} bulk tasks of ${BULK_MS} ms that wait for ${THREADS === 1 ? "the only thread" : `${THREADS} threads`}`;
  return [
    under(
      `ThreadPool: critical p99 wait ${bulk}, beyond what the running bulk task still needed`,
      behind.beyondMs,
      2,
      "ms",
    ),
    beside({
      question: `ThreadPool: critical p99 wait ${bulk}`,
      ours: behind.ours,
      peer: "Piscina",
      theirs: behind.theirs,
      unit: "ms",
    }),
    over(
      `ThreadPool: throughput uncontended, tasks of ${SHORT_MS} ms, of Piscina's`,
      await uncontended(),
      95,
      "%",
    ),
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

/** The same, and of each task the instant of its seat, which the resource's records tell. */
function watched(): Pool {
  const pool = new ThreadPool<number, Span>({ Piscina, filename: WORK, threads: THREADS });
  const seats = new Map<string, number>();
  pool.resource.onRecord(({ id, arrivedAt, waitMs }) => seats.set(id, onAllClocks(arrivedAt + waitMs)));
  let last = 0;
  return {
    run: async (ms, lane): Promise<Held> => {
      const id = String(last++);
      const span = await pool.run(ms, { lane, id });
      return { ...span, since: seats.get(id)! };
    },
    nothing: () => pool.run(0, { name: "nothing" }),
    close: () => pool.close(),
  };
}

/**
 * With its `stricterFIFO`: without it a task for which no thread is free goes behind all others each time, and where an odd
 * number waits the same ones are passed over and over. A critical task then waits until bulk ends, and here it never does.
 */
function piscina(): Pool {
  const pool = new Piscina<number, Span>({
    filename: WORK.href,
    minThreads: THREADS,
    maxThreads: THREADS,
    stricterFIFO: true,
  });
  return {
    run: (ms) => pool.run(ms),
    nothing: () => pool.run(0, { name: "nothing" }),
    close: () => pool.destroy(),
  };
}

/** The p99 of the waits of critical tasks, ours and Piscina's; of ours also what goes beyond the task that ran. */
async function behindBulk(): Promise<{ ours: number; theirs: number; beyondMs: number }> {
  const rounds = { ours: [] as number[], theirs: [] as number[], beyondMs: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    const { beyondMs, waitMs } = await waitsBehindBulk(watched());
    rounds.beyondMs.push(percentile(beyondMs, 99));
    rounds.ours.push(percentile(waitMs, 99));
    rounds.theirs.push(percentile((await waitsBehindBulk(piscina())).waitMs, 99));
  }
  return {
    ours: median(rounds.ours),
    theirs: median(rounds.theirs),
    beyondMs: median(rounds.beyondMs),
  };
}

/**
 * How long critical tasks wait while bulk never ends: from the call to their first instruction, and, of that, from the first
 * end of a bulk task that had a seat at the instant of the call.
 */
async function waitsBehindBulk(pool: Pool): Promise<{ waitMs: number[]; beyondMs: number[] }> {
  const bulk: Span[] = [];
  let going = true;
  const load = Array.from({ length: BACKLOG + THREADS }, async () => {
    while (going) bulk.push(await pool.run(BULK_MS, "bulk"));
  });
  await sleep(10 * BULK_MS);
  const asked: Promise<{ at: number; from: number }>[] = [];
  for (let n = 0; n < CRITICAL; n++) {
    const at = onAllClocks(performance.now());
    asked.push(pool.run(0, "critical").then(({ from }) => ({ at, from })));
    await sleep(CRITICAL_EVERY_MS * (0.5 + Math.random()));
  }
  const spans = await Promise.all(asked);
  going = false;
  await Promise.all(load);
  await pool.close();
  return {
    waitMs: spans.map(({ at, from }) => from - at),
    beyondMs: spans.map(({ at, from }) => from - endOfFirst(bulk, at)),
  };
}

/** When the first of those that have a seat is over; at once, when only the event loop has not heard of it yet. */
function endOfFirst(bulk: readonly (Span | Held)[], at: number): number {
  const ends = bulk
    .filter((task) => ("since" in task ? task.since : task.from) <= at && at <= task.to)
    .map(({ to }) => to);
  return ends.length === 0 ? at : Math.min(...ends);
}

/** An instant of this thread's clock as `Span` tells it. */
function onAllClocks(instant: number): number {
  return performance.timeOrigin + instant;
}

/** Our throughput when nobody waits, in per cent of Piscina's. */
async function uncontended(): Promise<number> {
  const shares: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Anew for each: a thread tends to stay on the processor on which it began, and it matters what else runs there.
    const pools = [laned(), piscina()] as const;
    for (const pool of pools) for (let n = 0; n < WARM_UP_TASKS; n++) await pool.nothing();
    const done: [number, number] = [0, 0];
    for (let turn = 0; turn < TURNS; turn++)
      for (const which of [0, 1] as const) done[which] += await tasksDone(pools[which]);
    shares.push((100 * done[0]) / done[1]);
    await Promise.all(pools.map((pool) => pool.close()));
  }
  return median(shares);
}

/** Short tasks in one turn, as many at a time as there are threads. */
async function tasksDone(pool: Pool): Promise<number> {
  let count = 0;
  const until = performance.now() + TURN_MS;
  const worker = async (): Promise<void> => {
    for (; performance.now() < until; count++) await pool.run(SHORT_MS, "normal");
  };
  await Promise.all(Array.from({ length: THREADS }, worker));
  return count;
}

function percentile(figures: readonly number[], percent: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1)]!;
}

if (import.meta.main)
  for (const { question, ours, theirs, unit, bar, met } of await threadsBench())
    console.log(
      `${met === false ? "MISSED" : "met   "}  ${question}: ${ours.toFixed(1)} ${unit} beside ${theirs.toFixed(1)}${bar === "" ? "" : ` (bar ${bar})`}`,
    );
