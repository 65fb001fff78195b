/**
 * What do an admission and a release cost while very many wait?
 *
 * The backlog is constant: each task, when it runs, submits another of its lane and flow. Five lanes with the default
 * reservations, a thousand flows, ten seats; the libraries get the same tasks in the same order.
 */

import { BareFifo, ReportingFifo } from "./floor.ts";
import { TASKS, deepResource } from "./load.ts";
import { pQueue } from "./peers.ts";
import { atMost, beside, median, workedMicroseconds } from "./question.ts";
import type { Case, Question } from "./question.ts";

const SEATS = 10;
const WINDOWS = 5;
const SIZES = [1_000, 100_000, 1_000_000];

type Submit = (fn: () => Promise<void>, n: number) => Promise<void>;

const CONTENDERS: Readonly<Record<string, () => Promise<Submit> | Submit>> = {
  laneway: () => {
    const resource = deepResource(SEATS);
    return (fn, n) => resource.run(fn, TASKS[n]);
  },
  "bare FIFO": () => {
    const fifo = new BareFifo(SEATS);
    return (fn) => fifo.run(fn);
  },
  floor: () => {
    const fifo = new ReportingFifo(SEATS);
    return (fn) => fifo.run(fn);
  },
  "p-queue": async () => {
    const queue = await pQueue(SEATS);
    return (fn, n) => queue.add(fn, { priority: -(n % 5) });
  },
};

/** Microseconds for one task at a constant backlog: the median of some windows after one to warm up. */
async function microsecondsAt(submit: Submit, waiting: number, tasks: number): Promise<number> {
  let left = 0;
  let settled = () => {};
  let open = () => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  for (let n = 0; n < SEATS; n++) void submit(() => gate, n);
  const fns = TASKS.map((_, n) => async () => {
    if (--left === 0) settled();
    void submit(fns[n]!, n);
  });
  for (let n = 0; n < waiting; n++) void submit(fns[n % fns.length]!, n % fns.length);
  const figures: number[] = [];
  for (let window = 0; window <= WINDOWS; window++) {
    left = tasks;
    const ended = new Promise<void>((resolve) => (settled = resolve));
    const start = workedMicroseconds();
    if (window === 0) open();
    await ended;
    figures.push((workedMicroseconds() - start) / tasks);
  }
  return median(figures.slice(1));
}

function caseOf(contender: string, waiting: number): Case {
  const tasks = contender === "p-queue" ? 5_000 : 300_000;
  return { measure: async () => microsecondsAt(await CONTENDERS[contender]!(), waiting, tasks) };
}

function named(contender: string, waiting: number): string {
  return `${contender} ${waiting}`;
}

export const question: Question = {
  asks: "What do an admission and a release cost while very many wait?",
  unit: "µs",
  cases: Object.fromEntries([
    ...["laneway", "bare FIFO", "floor"].flatMap((contender) =>
      SIZES.map((waiting) => [named(contender, waiting), caseOf(contender, waiting)] as const),
    ),
    [named("p-queue", 100_000), caseOf("p-queue", 100_000)],
  ]),
  rows: (of) => [
    ...SIZES.flatMap((waiting) => {
      const what = `admission + release, ${waiting.toLocaleString("en")} waiting`;
      const ours = of(named("laneway", waiting));
      return [
        atMost(
          { question: what, ours, peer: "bare FIFO", theirs: of(named("bare FIFO", waiting)), unit: "µs" },
          3,
        ),
        beside({ question: what, ours, peer: "floor", theirs: of(named("floor", waiting)), unit: "µs" }),
      ];
    }),
    atMost(
      {
        question: "admission + release, 100,000 waiting",
        ours: of(named("laneway", 100_000)),
        peer: "p-queue",
        theirs: of(named("p-queue", 100_000)),
        unit: "µs",
      },
      0.1,
    ),
  ],
};
