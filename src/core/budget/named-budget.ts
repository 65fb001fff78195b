/** One named budget: a bucket for each kind that is limited, and a pause for all of it. */

import type { Lane } from "../lane.ts";
import type { Cost } from "../options.ts";
import type { BudgetSnapshot } from "../snapshot.ts";
import type { Amounts, Kind } from "./amounts.ts";
import { KINDS } from "./amounts.ts";
import { Bucket } from "./bucket.ts";
import type { Floors } from "./bucket.ts";
import type { BudgetSet } from "./budget-set.ts";
import type { Gate } from "./gate.ts";

/** What is spoken for of a budget's common levels when nobody has. */
export const NOTHING: Amounts = [0, 0, 0];

/** For each kind, and there by rank: what the lane's heads need beyond its own level. */
export type Beyond = readonly [number[], number[], number[]];

export class NamedBudget {
  readonly name: string;
  readonly buckets: (Bucket | undefined)[];
  pausedUntil = 0;
  /** What whoever limits it says that there is in a minute. */
  stated: Cost = {};
  /** Tasks that need it and wait, and those that run and are charged to it. */
  waiting = 0;
  running = 0;
  /** Where tasks stand that need it, by lane. */
  readonly gates: Map<Lane, readonly Gate[]> = new Map();
  /** The sets that it is part of. */
  readonly sets: Set<BudgetSet> = new Set();

  constructor(name: string, sizes: Cost, floors: Floors, now: number) {
    this.name = name;
    this.buckets = KINDS.map((kind) => {
      const perMinute = sizes[kind];
      return perMinute === undefined ? undefined : new Bucket(perMinute, kind === "requests", floors, now);
    });
  }

  /** Whether it may be forgotten: making it anew would change nothing. */
  isAsNew(now: number): boolean {
    if (this.waiting + this.running > 0 || this.pausedUntil > now) return false;
    this.refill(now);
    return this.buckets.every((bucket) => bucket === undefined || bucket.full);
  }

  refill(now: number): void {
    for (const bucket of this.buckets) bucket?.refill(now);
  }

  /** The amounts, each no more than the lane could ever have of it. */
  clamp(rank: number, amounts: Amounts): Amounts {
    const [requests, input, output] = this.buckets;
    return [
      requests === undefined ? amounts[0] : requests.clamp(rank, amounts[0]),
      input === undefined ? amounts[1] : input.clamp(rank, amounts[1]),
      output === undefined ? amounts[2] : output.clamp(rank, amounts[2]),
    ];
  }

  /** By how much the lane's room exceeds the amounts, as a part of the fullest bucket's size; below zero when it lacks some. */
  slack(rank: number, amounts: Amounts, spokenFor: Amounts): number {
    let least = Infinity;
    for (let kind = 0; kind < KINDS.length; kind++) {
      const bucket = this.buckets[kind];
      if (bucket === undefined || amounts[kind] === 0) continue;
      least = Math.min(least, bucket.slack(rank, bucket.clamp(rank, amounts[kind]!), spokenFor[kind]!));
    }
    return least;
  }

  /** Milliseconds until the lane could use the amounts if nobody took any. */
  readyIn(rank: number, amounts: Amounts, beyond: Beyond, now: number): number {
    let ms = Math.max(0, this.pausedUntil - now);
    for (let kind = 0; kind < KINDS.length; kind++) {
      const bucket = this.buckets[kind];
      if (bucket === undefined || amounts[kind] === 0) continue;
      ms = Math.max(ms, bucket.readyIn(rank, bucket.clamp(rank, amounts[kind]!), beyond[kind]!, now));
    }
    return ms;
  }

  take(rank: number, amounts: Amounts, spokenFor: Amounts, now: number, spreadMs: number): void {
    this.running++;
    for (let kind = 0; kind < KINDS.length; kind++)
      this.buckets[kind]?.take(rank, amounts[kind]!, spokenFor[kind]!, now, spreadMs);
  }

  settle(rank: number, charged: Amounts, actual: Amounts): void {
    this.running--;
    for (let kind = 0; kind < KINDS.length; kind++)
      this.buckets[kind]?.settle(rank, charged[kind]!, actual[kind]!);
  }

  correct(left: Cost): void {
    KINDS.forEach((kind, i) => {
      const told = left[kind];
      if (told !== undefined) this.buckets[i]?.correct(told);
    });
  }

  /** Other sizes or other lanes; levels stay, scaled down where the bucket has shrunk. */
  change(sizes: Cost, floors: Floors, from: readonly number[], now: number): void {
    KINDS.forEach((kind, i) => {
      const perMinute = sizes[kind];
      const bucket = this.buckets[i];
      if (perMinute === undefined) this.buckets[i] = undefined;
      else if (bucket === undefined)
        this.buckets[i] = new Bucket(perMinute, kind === "requests", floors, now);
      else bucket.change(perMinute, floors, from);
    });
  }

  /** What is left of each kind, Infinity where it is unlimited. */
  left(): Record<Kind, number> {
    const [requests, inputTokens, outputTokens] = this.buckets;
    return {
      requests: requests === undefined ? Infinity : requests.left,
      inputTokens: inputTokens === undefined ? Infinity : inputTokens.left,
      outputTokens: outputTokens === undefined ? Infinity : outputTokens.left,
    };
  }

  snapshot(now: number): BudgetSnapshot {
    const kinds = KINDS.flatMap((kind, i) => {
      const bucket = this.buckets[i];
      return bucket === undefined
        ? []
        : [[kind, { perMinute: bucket.perMinute, left: bucket.left }] as const];
    });
    return {
      name: this.name,
      pausedMs: Math.max(0, this.pausedUntil - now),
      waiting: this.waiting,
      ...Object.fromEntries(kinds),
    };
  }
}
