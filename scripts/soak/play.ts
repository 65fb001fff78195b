/** Plays rounds of one part until time or rounds are over or one is violated, and looks at the process after each. */

import type { Part } from "./part.ts";
import { Round } from "./part.ts";
import { heapInUse, holdsWithin, leftOpen, openNow, ProcessWatch } from "./process-watch.ts";
import type { Open } from "./process-watch.ts";
import { judgeHeap } from "./slope.ts";
import type { Reading, Slope } from "./slope.ts";

/** How long a part is played. */
export interface PlayOptions {
  readonly seed: number;
  /** Stops after so many rounds. */
  readonly rounds?: number;
  /** Stops when it has taken so long. */
  readonly forMs?: number;
  /** Whether the heap is read: a full collection for each reading. Default false. */
  readonly heap?: boolean;
  /** A round that takes longer hangs. Default two minutes. */
  readonly longestRoundMs?: number;
  /** What is closed may take so long to be gone from the system's tables. Default 5 s. */
  readonly patienceMs?: number;
  readonly onProgress?: (progress: Progress) => void;
}

/** What is known while it plays. */
export interface Progress {
  readonly part: string;
  readonly seed: number;
  readonly rounds: number;
  readonly work: number;
}

/** What became of a part. */
export interface Played {
  readonly part: string;
  readonly unit: string;
  readonly firstSeed: number;
  readonly rounds: number;
  readonly work: number;
  readonly seconds: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly heap?: Slope;
  /** The round that was violated, and how. */
  readonly violation?: { readonly seed: number; readonly found: readonly string[] };
  /** Why it was not played. */
  readonly skipped?: string;
}

const LONGEST_ROUND_MS = 120_000;
const PATIENCE_MS = 5_000;
/** Readings of the heap in a run; more take time from the rounds, fewer say less. */
const READINGS = 60;

/** Plays a part. Never rejects: what is thrown is a violation. */
export async function playPart(part: Part, options: PlayOptions): Promise<Played> {
  const player = new Player(part, options);
  return player.play();
}

class Player {
  readonly #part: Part;
  readonly #options: PlayOptions;
  readonly #watch = new ProcessWatch();
  readonly #counts = new Map<string, number>();
  readonly #heap: Reading[] = [];
  readonly #startedAt: number = performance.now();
  readonly #longestMs: number;
  readonly #patienceMs: number;
  #baseline: Open = new Map();
  #rounds = 0;
  #work = 0;
  #violation: Played["violation"];

  constructor(part: Part, options: PlayOptions) {
    this.#part = part;
    this.#options = options;
    this.#longestMs = options.longestRoundMs ?? LONGEST_ROUND_MS;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
  }

  async play(): Promise<Played> {
    const before = openNow();
    let skipped: string | undefined;
    try {
      skipped = await this.#part.open?.();
      this.#baseline = openNow();
      if (skipped === undefined) await this.#playRounds();
    } catch (error) {
      this.#violated(this.#options.seed + this.#rounds, [`it throws: ${stackOf(error)}`]);
    }
    await this.#close(before);
    return this.#result(skipped);
  }

  async #playRounds(): Promise<void> {
    const { seed, rounds = Infinity, forMs = Infinity, onProgress } = this.#options;
    let nextReading = 0;
    while (this.#rounds < rounds && this.#elapsed < forMs && this.#violation === undefined) {
      const current = seed + this.#rounds;
      await this.#round(current);
      onProgress?.({ part: this.#part.name, seed, rounds: this.#rounds, work: this.#work });
      const done = Math.max(this.#elapsed / forMs, rounds === Infinity ? 0 : this.#rounds / rounds);
      const isWarm = this.#work >= (this.#part.warmUp ?? 0);
      const mayRead = isWarm && (this.#part.isComparable?.(current) ?? true);
      if (this.#options.heap !== true || !mayRead || done < nextReading) continue;
      this.#heap.push({ x: this.#work, y: await heapInUse() });
      nextReading = done + 1 / READINGS;
    }
    if (this.#violation === undefined && judgeHeap(this.#heap).isGrowth)
      this.#violated(seed, [`the heap grows: ${describe(judgeHeap(this.#heap).slope!, this.#part.unit)}`]);
  }

  get #elapsed(): number {
    return performance.now() - this.#startedAt;
  }

  async #round(seed: number): Promise<void> {
    const round = new Round(seed);
    const over = await within(this.#longestMs, this.#part.round(round));
    if (over === undefined) round.fault(`the round did not end in ${this.#longestMs / 1_000} s`);
    else if ("error" in over) round.fault(`it throws: ${stackOf(over.error)}`);
    const settled = await within(this.#patienceMs, round.allSettled());
    if (settled === undefined)
      for (const [what, count] of round.unsettled) round.fault(`${count} never settled: ${what}`);
    this.#rounds++;
    this.#work += round.work;
    for (const [what, count] of round.counts) this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
    if (this.#part.isAlone?.(seed) ?? this.#rounds % (this.#part.every ?? 1) === 0) await this.#look(round);
    round.faults.push(...this.#watch.said());
    if (round.faults.length > 0) this.#violated(seed, round.faults);
  }

  async #look(round: Round): Promise<void> {
    for (const left of await leftWithin(this.#patienceMs, this.#baseline)) round.fault(`left open: ${left}`);
  }

  async #close(before: Open): Promise<void> {
    const closed = await within(this.#longestMs, Promise.resolve(this.#part.close?.()));
    const found: string[] = [];
    if (closed === undefined) found.push("its end takes for ever");
    else if ("error" in closed) found.push(`its end throws: ${stackOf(closed.error)}`);
    for (const left of await leftWithin(this.#patienceMs, before))
      found.push(`left open at its end: ${left}`);
    found.push(...this.#watch.said());
    this.#watch.stop();
    if (found.length > 0) this.#violated(this.#options.seed + Math.max(0, this.#rounds - 1), found);
  }

  #violated(seed: number, found: readonly string[]): void {
    this.#violation ??= { seed, found };
  }

  #result(skipped: string | undefined): Played {
    const { slope } = judgeHeap(this.#heap);
    return {
      part: this.#part.name,
      unit: this.#part.unit,
      firstSeed: this.#options.seed,
      rounds: this.#rounds,
      work: this.#work,
      seconds: this.#elapsed / 1_000,
      counts: Object.fromEntries(this.#counts),
      ...(slope === undefined ? {} : { heap: slope }),
      ...(this.#violation === undefined ? {} : { violation: this.#violation }),
      ...(skipped === undefined ? {} : { skipped }),
    };
  }
}

/** `31.2 MB, +1.2 B a request (−3.0 to 5.4)`. */
export function describe({ mean, perUnit, low, high }: Slope, unit: string): string {
  const one = unit.replace(/ies$/, "y").replace(/s$/, "");
  const bytes = (value: number): string => `${value < 0 ? "−" : ""}${Math.abs(value).toFixed(1)}`;
  return `${(mean / 1e6).toFixed(1)} MB, ${bytes(perUnit)} B a ${one} (95 %: ${bytes(low)} to ${bytes(high)})`;
}

/** What is open beyond what was, once it has had the time to close. */
async function leftWithin(ms: number, before: Open): Promise<string[]> {
  let left: string[] = [];
  await holdsWithin(ms, () => {
    left = leftOpen(before, openNow());
    return left.length === 0;
  });
  return left;
}

/** What a promise came to, or undefined when it takes longer. */
async function within<T>(
  ms: number,
  promise: Promise<T>,
): Promise<{ readonly value: T } | { readonly error: unknown } | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), ms);
  try {
    return await Promise.race([
      promise.then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      ),
      late.promise,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
