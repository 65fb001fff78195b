/**
 * Five minutes against an upstream that counts for itself: buckets of the same sizes, written here from their description
 * alone, that answer 429 to whatever is not covered. It charges the estimate when a request starts and puts it right when
 * the reply is complete, as providers do.
 */

import type { BudgetOptions, Cost, ResourceOptions } from "../../src/core/options.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { seeded } from "../../src/testing/random.ts";

const KINDS = ["requests", "inputTokens", "outputTokens"] as const;
const ROUNDING = 1e-3;
const MINUTES = 5;

/** One bucket for each kind, without lanes, floors or queues. */
export class StrictUpstream {
  refused = 0;
  readonly used: Record<(typeof KINDS)[number], number> = { requests: 0, inputTokens: 0, outputTokens: 0 };
  readonly #sizes: Cost;
  readonly #clock: TestClock;
  readonly #left: Record<string, number>;
  #at = 0;

  constructor(sizes: Cost, clock: TestClock) {
    this.#sizes = sizes;
    this.#clock = clock;
    this.#left = { ...sizes };
  }

  start(cost: Required<Cost>): void {
    this.#refill();
    const short = KINDS.some((kind) => (this.#left[kind] ?? Infinity) < cost[kind] - ROUNDING);
    if (short) this.refused++;
    else this.#take(cost);
  }

  end(estimated: Required<Cost>, actual: Required<Cost>): void {
    this.#refill();
    this.#take({
      requests: actual.requests - estimated.requests,
      inputTokens: actual.inputTokens - estimated.inputTokens,
      outputTokens: actual.outputTokens - estimated.outputTokens,
    });
  }

  #take(cost: Required<Cost>): void {
    for (const kind of KINDS) {
      this.used[kind] += cost[kind];
      const size = this.#sizes[kind];
      if (size !== undefined) this.#left[kind] = Math.min(size, this.#left[kind]! - cost[kind]);
    }
  }

  #refill(): void {
    const minutes = (this.#clock.now() - this.#at) / 60_000;
    this.#at = this.#clock.now();
    for (const kind of KINDS) {
      const size = this.#sizes[kind];
      if (size !== undefined) this.#left[kind] = Math.min(size, this.#left[kind]! + minutes * size);
    }
  }
}

export interface Load {
  readonly seed: number;
  readonly lanes: readonly string[];
  readonly budgets: BudgetOptions & Cost;
  /** How much of the tightest budget is asked for, all lanes together. */
  readonly overload: number;
  /** Whether replies use less, or more, than was estimated. */
  readonly estimates: "exact" | "high" | "rough";
  /** How long a request and its reply are on their way at most; drawn anew for each. Default: no time. */
  readonly wayMs?: number;
  readonly options?: Partial<ResourceOptions>;
}

export interface Outcome {
  readonly refusedUpstream: number;
  /** Used of what a bucket could give in that time, for the kind that is most used. */
  readonly usedPart: number;
  readonly startedIn: Readonly<Record<string, number>>;
}

/** Offers requests at random for five minutes and counts what the upstream makes of those that start. */
export async function fiveMinutes(load: Load): Promise<Outcome> {
  const random = seeded(load.seed);
  const clock = new TestClock();
  const resource = new Resource({
    name: "ai",
    limit: 200,
    budgets: load.budgets,
    clock,
    random: () => random.next(),
    ...load.options,
  });
  const upstream = new StrictUpstream(load.budgets, clock);
  const startedIn: Record<string, number> = {};
  const mean = { requests: 1, inputTokens: 1_500, outputTokens: 500 };
  const perMinute = Math.min(...KINDS.map((kind) => (load.budgets[kind] ?? Infinity) / mean[kind]));
  const gapMs = 60_000 / (perMinute * load.overload);

  const way = async (): Promise<void> => {
    if (load.wayMs !== undefined) await clock.sleep(random.next() * load.wayMs);
  };

  const request = async (): Promise<void> => {
    const lane = random.pick(load.lanes);
    const cost = {
      requests: 1,
      inputTokens: Math.ceil(random.exponential(mean.inputTokens)),
      outputTokens: Math.ceil(random.exponential(mean.outputTokens)),
    };
    const actual = {
      requests: 1,
      inputTokens: cost.inputTokens,
      outputTokens: Math.ceil(cost.outputTokens * part(load.estimates, random.next())),
    };
    const permit = await resource.acquire({ lane, cost, flow: random.pick(["a", "b", "c"]) });
    await way();
    upstream.start(cost);
    startedIn[lane] = (startedIn[lane] ?? 0) + 1;
    await clock.sleep(random.exponential(2_000));
    upstream.end(cost, actual);
    await way();
    permit.release({ cost: actual });
  };

  while (clock.now() < MINUTES * 60_000) {
    void request().catch(() => undefined);
    await clock.advance(random.exponential(gapMs));
  }
  const usedPart = Math.max(
    ...KINDS.map((kind) => upstream.used[kind] / ((load.budgets[kind] ?? Infinity) * (1 + MINUTES))),
  );
  return { refusedUpstream: upstream.refused, usedPart, startedIn };
}

function part(estimates: Load["estimates"], chance: number): number {
  if (estimates === "exact") return 1;
  return estimates === "high" ? 0.3 + 0.7 * chance : 0.5 + chance;
}
