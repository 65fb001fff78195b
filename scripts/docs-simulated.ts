/**
 * The worlds behind the plots of docs/explanation: one overload, played in simulated time under four ways to choose who
 * goes next. All four drop a waiter whose time is up; they differ in nothing but the choice.
 */

import { Resource } from "../src/index.ts";
import type { ResourceOptions, TaskOptions } from "../src/index.ts";
import type { Runs } from "../src/testing/index.ts";
import { quantile } from "../test/simulation/quantile.ts";
import { play } from "../test/simulation/world.ts";
import type { Played, Policy, Stream } from "../test/simulation/world.ts";

const LIMIT = 20;
const RUN_MS = 100;
/** Callers give up after so long. */
const PATIENCE_MS = 5_000;
/** Those who have waited longer go first where there is aging. */
const AGING_AFTER_MS = 2_000;
const SEED = 1;
/** The overload comes, and stays to the end. */
export const FROM_MS = 10_000;
export const DURATION_MS = 60_000;
/** Times the capacity that each lane asks for: 0.8 before, 2.6 from then on; critical stays within its 40 %. */
const BEFORE = { critical: 0.2, high: 0.2, normal: 0.2, low: 0.1, bulk: 0.1 };
const DEMAND = { critical: 0.3, high: 0.8, normal: 0.6, low: 0.4, bulk: 0.5 };

const LANES = [
  { name: "critical", reservation: "40%", lendable: "50%" },
  { name: "high", reservation: "30%" },
  { name: "normal", reservation: "20%" },
  { name: "low", reservation: "10%" },
  { name: "bulk" },
] as const;

/** What became of the lanes under one way to choose. */
export interface Outcome {
  readonly name: string;
  /** The part of each lane's tasks that was done in time, from the overload on, most important lane first. */
  readonly served: readonly { readonly lane: string; readonly part: number }[];
  /** The 95th percentile of the waits of critical tasks that arrived in each second, in milliseconds. */
  readonly criticalWaitMs: readonly number[];
  /** Bulk tasks that started in each second. */
  readonly bulkStarted: readonly number[];
}

/** The same arrivals under each way to choose, Laneway's last. */
export async function outcomes(): Promise<Outcome[]> {
  const policies: Readonly<Record<string, Policy>> = {
    "in order of arrival": (options) => new Chooser(options, ([oldest]) => oldest),
    "strict priority": (options) => new Chooser(options, byRank),
    "priority with plain aging": (options) => new Chooser(options, agedFirst),
    Laneway: (options) => new Resource(options),
  };
  const all: Outcome[] = [];
  for (const [name, policy] of Object.entries(policies)) {
    const resource = {
      name: "shared",
      limit: LIMIT,
      lanes: LANES,
      aging: { afterMs: AGING_AFTER_MS, budget: 0.05 },
    };
    const { tasks } = await play(
      { seed: SEED, durationMs: DURATION_MS, resource, streams: streams() },
      policy,
    );
    all.push({ name, ...measured(tasks) });
  }
  return all;
}

function streams(): Stream[] {
  return LANES.flatMap(({ name: lane }) => {
    const rate = (times: number): number => (times * LIMIT * 1_000) / RUN_MS;
    const task = {
      lane,
      runMs: (random) => random.exponential(RUN_MS),
      timeoutMs: PATIENCE_MS,
    } satisfies Stream;
    return [
      { ...task, ratePerSecond: rate(BEFORE[lane]), toMs: FROM_MS },
      { ...task, ratePerSecond: rate(DEMAND[lane]), fromMs: FROM_MS },
    ];
  });
}

function measured(tasks: readonly Played[]): Omit<Outcome, "name"> {
  // Those who come at the very end are not done before it.
  const judged = tasks.filter(
    ({ arrivedAt }) => arrivedAt >= FROM_MS && arrivedAt < DURATION_MS - PATIENCE_MS,
  );
  const served = LANES.map(({ name: lane }) => {
    const own = judged.filter((task) => task.lane === lane);
    return { lane, part: own.filter((task) => task.served).length / own.length };
  });
  const seconds = Array.from({ length: (DURATION_MS - PATIENCE_MS) / 1_000 }, (_, second) => second);
  const within = (at: number | undefined, second: number): boolean =>
    Math.floor((at ?? -1) / 1_000) === second;
  return {
    served,
    criticalWaitMs: seconds.map((second) => {
      const waits = tasks
        .filter(({ lane, arrivedAt }) => lane === "critical" && within(arrivedAt, second))
        .map(({ arrivedAt, startedAt }) => (startedAt ?? arrivedAt + PATIENCE_MS) - arrivedAt);
      return waits.length === 0 ? 0 : quantile(waits, 0.95);
    }),
    bulkStarted: seconds.map(
      (second) => tasks.filter(({ lane, startedAt }) => lane === "bulk" && within(startedAt, second)).length,
    ),
  };
}

interface Waiter {
  readonly rank: number;
  readonly arrivedAt: number;
  readonly dueAt: number;
  readonly start: (started: boolean) => void;
}

/** The next of the lanes' oldest waiters, which are given oldest first. */
type Choose = (heads: readonly Waiter[], now: number) => Waiter | undefined;

const byRank: Choose = (heads) => heads.toSorted((a, b) => a.rank - b.rank)[0];

const agedFirst: Choose = (heads, now) =>
  heads[0] !== undefined && now - heads[0].arrivedAt >= AGING_AFTER_MS ? heads[0] : byRank(heads, now);

/** A limit with a queue for each lane, and a rule that says whose head is next. */
class Chooser implements Runs {
  readonly #options: ResourceOptions;
  readonly #choose: Choose;
  readonly #queues: Waiter[][] = [];
  #free = LIMIT;

  constructor(options: ResourceOptions, choose: Choose) {
    this.#options = options;
    this.#choose = choose;
  }

  async run<T>(
    fn: (permit: never) => T | PromiseLike<T>,
    { lane, timeoutMs = Infinity }: TaskOptions = {},
  ): Promise<T> {
    const arrivedAt = this.#now;
    const rank = LANES.findIndex(({ name }) => name === lane);
    const started = await new Promise<boolean>((start) => {
      (this.#queues[rank] ??= []).push({ rank, arrivedAt, dueAt: arrivedAt + timeoutMs, start });
      this.#next();
    });
    if (!started) throw Object.assign(new Error("too late"), { reason: "late", retryAfterMs: 1_000 });
    try {
      return await fn(undefined as never);
    } finally {
      this.#free++;
      this.#next();
    }
  }

  get #now(): number {
    return this.#options.clock?.now() ?? 0;
  }

  #next(): void {
    while (this.#free > 0) {
      const heads = this.#queues
        .flatMap((queue) => queue.slice(0, 1))
        .toSorted((a, b) => a.arrivedAt - b.arrivedAt);
      const waiter = this.#choose(heads, this.#now);
      if (waiter === undefined) return;
      this.#queues[waiter.rank]!.shift();
      const started = waiter.dueAt > this.#now;
      if (started) this.#free--;
      waiter.start(started);
    }
  }
}
