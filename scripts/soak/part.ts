/** What one part of the soak is, and what it tells of itself while it plays. */

import type { Random } from "../../src/testing/random.ts";
import { seeded } from "../../src/testing/random.ts";

/** One kind of faults. A round is short, everything in it comes from its seed, and it is at rest when it resolves. */
export interface Part {
  readonly name: string;
  /** What it does, for the table. */
  readonly what: string;
  /** What is counted as work: "histories", "requests". */
  readonly unit: string;
  /** Its part of a long run, beside the others'. */
  readonly share: number;
  /** Looks at the process after so many rounds. Default 1. */
  readonly every?: number;
  /** Whether nothing is meant to be open after the round of this seed; asked instead of `every`. */
  isAlone?(seed: number): boolean;
  /** Units of work before the heap says anything: until then what is bounded fills up. Default 0. */
  readonly warmUp?: number;
  /** Whether the heap may be read after the round of this seed, to be compared with other readings. Default: always. */
  isComparable?(seed: number): boolean;
  /** What is left to itself in the background from then on; skipped with the reason when the machine lacks something. */
  open?(): Promise<string | undefined>;
  round(round: Round): Promise<void>;
  close?(): Promise<void>;
}

/** Most violations that one round tells of: the first ones say what is wrong. */
const MOST_FAULTS = 20;

/** One round: chance from its seed, what it found, and the promises that it waits for. */
export class Round {
  readonly seed: number;
  readonly random: Random;
  readonly faults: string[] = [];
  readonly counts: Map<string, number> = new Map();
  work = 0;
  readonly #unsettled = new Map<symbol, string>();
  readonly #settled: (() => void)[] = [];

  constructor(seed: number) {
    this.seed = seed;
    this.random = seeded(seed);
  }

  /** Something is broken. */
  fault(what: string): void {
    if (this.faults.length < MOST_FAULTS) this.faults.push(what);
  }

  /** Whether what must hold holds. */
  expect(holds: boolean, what: string): void {
    if (!holds) this.fault(what);
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  chance(of: number): boolean {
    return this.random.next() < of;
  }

  /** Follows a promise that must settle before the round is over; resolves with what became of it. */
  settles<T>(what: string, promise: PromiseLike<T>): Promise<PromiseSettledResult<T>> {
    const key = Symbol(what);
    this.#unsettled.set(key, what);
    const over = (): void => {
      this.#unsettled.delete(key);
      if (this.#unsettled.size === 0) for (const tell of this.#settled.splice(0)) tell();
    };
    return Promise.resolve(promise).then(
      (value) => {
        over();
        return { status: "fulfilled", value };
      },
      (reason: unknown) => {
        over();
        return { status: "rejected", reason };
      },
    );
  }

  /** What has not settled yet, by what it is, with how many there are. */
  get unsettled(): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    for (const what of this.#unsettled.values()) found.set(what, (found.get(what) ?? 0) + 1);
    return found;
  }

  /** Resolves when everything followed has settled. */
  allSettled(): Promise<void> {
    return this.#unsettled.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#settled.push(resolve));
  }
}
