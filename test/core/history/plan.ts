/** A random resource: lanes, guarantees, bounds and switches, always valid, all from one seed. */

import type { Limit } from "../../../src/core/limit/limit.ts";
import type { BudgetOptions, LaneOptions, Percent, ResourceOptions } from "../../../src/core/options.ts";
import type { Random } from "../../../src/testing/random.ts";

/** How likely each kind of thing is in one history; drawn anew for each, unless a test fixes it. */
export interface Profile {
  /** Chances, from 0 to 1, that a task is wide, has a time-out or deadline of its own, is cancelled, … */
  readonly wide: number;
  readonly dueSoon: number;
  readonly cancelled: number;
  readonly throws: number;
  readonly neverEnds: number;
  readonly nested: number;
  readonly requeues: number;
  /** Chances that a step changes the limit or lanes, or that a producer asks for room. */
  readonly updates: number;
  readonly ready: number;
  /** Chance that the limit is an estimator's, which changes its mind as tasks end. */
  readonly movingLimit: number;
  /** Chance that a history ends in a drain before everything is done. */
  readonly drains: number;
  /** Chance that the resource only watches. */
  readonly shadow: number;
  /** Chance that queues are tiny. */
  readonly tinyQueues: number;
  /** Chance that a lane is exempt. */
  readonly exempt: number;
  /** Chance that a task needs a budget; none has any while it is 0. */
  readonly budgets: number;
  /** Chance that a task has waited before. */
  readonly waited: number;
  /** Chance that a task offers its seat to others between two parts of its work. */
  readonly yields: number;
  /** Mean of the time between two steps, in milliseconds. */
  readonly pauseMs: number;
  readonly order: "strict" | "weighted";
  readonly aging: boolean;
}

export function randomProfile(random: Random, fixed: Partial<Profile>): Profile {
  const sometimes = (chance: number) => (random.next() < 0.5 ? 0 : chance);
  return {
    wide: sometimes(0.3),
    dueSoon: sometimes(0.3),
    cancelled: sometimes(0.2),
    throws: sometimes(0.2),
    neverEnds: sometimes(0.08),
    nested: sometimes(0.1),
    requeues: sometimes(0.2),
    updates: sometimes(0.06),
    ready: sometimes(0.05),
    movingLimit: sometimes(0.4),
    drains: sometimes(0.3),
    shadow: random.next() < 0.05 ? 1 : 0,
    tinyQueues: sometimes(0.6),
    exempt: sometimes(0.15),
    // Not drawn: histories without them stay what they were.
    budgets: 0,
    waited: 0,
    yields: 0,
    pauseMs: random.pick([2, 8, 25]),
    order: random.next() < 0.7 ? "strict" : "weighted",
    aging: random.next() < 0.7,
    ...fixed,
  };
}

/** An estimator without a thought in its head: after some tasks it says another number, in the middle of the release. */
export class MovingLimit implements Limit {
  current: number;
  readonly #random: Random;
  #changed = (): void => {};

  constructor(seats: number, random: Random) {
    this.current = seats;
    this.#random = random;
  }

  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  onRelease(): void {
    if (this.#random.next() > 0.3) return;
    this.current = this.#random.whole(1, 12);
    this.#changed();
  }
}

const NAMES = ["critical", "high", "normal", "low", "bulk"];

export function randomResource(random: Random, profile: Profile): Omit<ResourceOptions, "clock" | "random"> {
  const limit = random.whole(1, 12);
  const lanes = randomLanes(random, profile, limit);
  return {
    name: "history",
    limit: random.next() < profile.movingLimit ? new MovingLimit(limit, random) : limit,
    lanes,
    order: profile.order,
    aging: profile.aging ? { afterMs: random.whole(5, 200), budget: random.pick([0.05, 0.05, 0.3]) } : false,
    ...(random.next() < profile.tinyQueues
      ? { queue: { max: random.whole(0, 12), whenFull: random.pick(["reject", "evict"] as const) } }
      : {}),
    ...(random.next() < 0.3 ? { flowWeight: (flow: string) => (flow === "a" ? 3 : 1) } : {}),
    ...(profile.budgets > 0 ? { budgets: randomBudgets(random) } : {}),
    enforce: profile.shadow === 0,
    detectDeadlock: profile.nested > 0,
  };
}

/** Refilled by about one each millisecond; what a history asks for at once is more. */
export function randomBudgets(random: Random): BudgetOptions {
  return {
    ...(random.next() < 0.5 ? { requests: 60_000 } : {}),
    inputTokens: random.pick([20_000, 60_000, 200_000]),
    ...(random.next() < 0.5 ? { outputTokens: 60_000 } : {}),
    of: (name) => (name === "small" ? { inputTokens: 10_000 } : undefined),
  };
}

export function randomLanes(random: Random, profile: Profile, limit: number): LaneOptions[] {
  const names = NAMES.slice(0, random.whole(1, NAMES.length));
  const inPercent = random.next() < 0.5;
  let left = inPercent ? 100 : limit;
  return names.map((name, rank): LaneOptions => {
    const reserved = random.next() < 0.3 ? 0 : random.whole(0, left);
    left -= reserved;
    const reservation: number | Percent = inPercent ? `${reserved}%` : reserved;
    // An exempt lane has no seats, so it takes no option about them.
    if (rank > 0 && random.next() < profile.exempt)
      return { name, exempt: true, timeoutMs: random.pick([60, 400, 3_000]) };
    return {
      name,
      reservation,
      lendable: random.pick<number | Percent>(["0%", "50%", "100%", 0, 1]),
      ...ceiling(random, limit, reservation),
      weight: random.pick([1, 1, 2, 5]),
      timeoutMs: random.pick([60, 400, 3_000]),
      queue: {
        max: random.next() < profile.tinyQueues ? random.whole(0, 5) : 1_000,
        timeoutMs: random.pick([40, 300, 3_000]),
      },
      ...(random.next() < 0.3 ? { aging: { afterMs: random.whole(1, 100) } } : {}),
    };
  });
}

function ceiling(
  random: Random,
  limit: number,
  reservation: number | Percent,
): { ceiling?: number | Percent } {
  if (random.next() < 0.6) return {};
  if (typeof reservation === "number") return { ceiling: random.whole(Math.max(1, reservation), limit) };
  return { ceiling: `${random.whole(Math.max(1, Number(reservation.slice(0, -1))), 100)}%` };
}
