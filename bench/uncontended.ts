/** What does a limiter add to a task when nobody waits? An empty async task, one after another, four at a time allowed. */

import { Resource } from "../src/index.ts";
import { BareFifo, ReportingFifo } from "./floor.ts";
import { asyncSema, cockatiel, fastq, pLimit, pQueue } from "./peers.ts";
import { ahead, atMost, beside, median, workedMicroseconds } from "./question.ts";
import type { Question } from "./question.ts";

const LIMIT = 4;
const TASKS = 200_000;
const WINDOWS = 5;

type RunTask = () => Promise<unknown>;

async function nothing(): Promise<void> {}

const CONTENDERS: Readonly<Record<string, () => RunTask | Promise<RunTask>>> = {
  laneway: () => {
    const resource = new Resource({ name: "bench", limit: LIMIT });
    return () => resource.run(nothing);
  },
  "laneway, lane and flow": () => {
    const resource = new Resource({ name: "bench", limit: LIMIT });
    const task = { lane: "critical", flow: "tenant-7" };
    return () => resource.run(nothing, task);
  },
  floor: () => {
    const fifo = new ReportingFifo(LIMIT);
    return () => fifo.run(nothing);
  },
  "bare FIFO": () => {
    const fifo = new BareFifo(LIMIT);
    return () => fifo.run(nothing);
  },
  "p-limit": async () => {
    const limit = await pLimit(LIMIT);
    return () => limit(nothing);
  },
  "p-queue": async () => {
    const queue = await pQueue(LIMIT);
    return () => queue.add(nothing);
  },
  fastq: async () => {
    const queue = await fastq(nothing, LIMIT);
    return () => queue.push(undefined);
  },
  "async-sema": async () => {
    const sema = await asyncSema(LIMIT);
    return async () => {
      await sema.acquire();
      try {
        await nothing();
      } finally {
        sema.release();
      }
    };
  },
  cockatiel: async () => {
    const bulkhead = await cockatiel(LIMIT, LIMIT);
    return () => bulkhead.execute(nothing);
  },
};

async function nanosecondsOf(run: RunTask): Promise<number> {
  const figures: number[] = [];
  for (let window = 0; window <= WINDOWS; window++) {
    const before = workedMicroseconds();
    for (let n = 0; n < TASKS; n++) await run();
    figures.push(((workedMicroseconds() - before) * 1_000) / TASKS);
  }
  return median(figures.slice(1));
}

export const question: Question = {
  asks: "What does a limiter add to a task when nobody waits?",
  unit: "ns",
  cases: Object.fromEntries(
    Object.entries(CONTENDERS).map(([name, make]) => [
      name,
      { measure: async () => nanosecondsOf(await make()) },
    ]),
  ),
  rows: (of) => {
    const against = (peer: string, theirs = of(peer)) => ({
      question: "run of an empty async task",
      ours: of("laneway"),
      peer,
      theirs,
      unit: "ns",
    });
    return [
      atMost(against("floor"), 2),
      ahead(against("p-limit")),
      ahead(against("p-queue")),
      ...["bare FIFO", "fastq", "async-sema", "cockatiel"].map((peer) => beside(against(peer))),
      beside({
        question: "the same with lane and flow named",
        ours: of("laneway, lane and flow"),
        peer: "floor",
        theirs: of("floor"),
        unit: "ns",
      }),
    ];
  },
};
