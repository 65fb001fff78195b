/**
 * A histogram of durations, written on every task and read seldom: percentiles over a moving window of one to two
 * minutes, and exact counts since the start for those who add up and compare.
 *
 * Log-linear buckets, sixteen to an octave, of whole microseconds: a bucket's middle is within 3.2 % of every value in
 * it. Two halves of a minute each take turns, so that a reading covers the last one to two minutes and an old peak is
 * forgotten; recording costs a bit scan, a look into a table and two additions.
 *
 *   µs:    0 1 2 … 15 | 16 17 … 31 | 32 34 … 62 | 64 68 … 124 | …
 *   width:     1      |      1     |      2     |      4      | …
 *
 * The round bounds that totals are counted by (1 ms, 2.5 ms, …) lie inside buckets. Such a bucket has a second counter
 * behind the others, for what lies beyond the bound; so totals are exact and cost nothing while nobody asks: a half that
 * is forgotten is added to them, once a minute.
 */

const HALF_MS = 60_000;
const SUB_BITS = 4;
const SUB_BUCKETS = 1 << SUB_BITS;
/** 2³¹ µs is 35 minutes: longer durations land in the last bucket. */
const MAX_US = 0x7fff_ffff;
const SIZE = (31 - SUB_BITS + 1) * SUB_BUCKETS;

/** Milliseconds up to and including which totals are counted; those of the default objectives are among them. */
export const TOTAL_BOUNDS_MS: readonly number[] = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000,
  600_000,
];

/** The first bound that is not below a bucket, and that bound in milliseconds where it lies inside; Infinity elsewhere. */
const BOUND_OF = new Uint8Array(SIZE);
const SPLIT_MS = new Float64Array(SIZE).fill(Infinity);
for (let bucket = 0; bucket < SIZE; bucket++) {
  const bound = TOTAL_BOUNDS_MS.findIndex((ms) => ms * 1_000 >= lowOf(bucket));
  BOUND_OF[bucket] = bound === -1 ? TOTAL_BOUNDS_MS.length : bound;
  const ms = TOTAL_BOUNDS_MS[bound];
  if (ms !== undefined && ms * 1_000 < lowOf(bucket + 1)) SPLIT_MS[bucket] = ms;
}

/** How many durations there were since the start, and how long. */
export interface DurationTotals {
  /** For each of `TOTAL_BOUNDS_MS` those up to it and beyond the one before; one more for what is beyond all of them. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sumMs: number;
}

export class Histogram {
  #now = new Uint32Array(SIZE + TOTAL_BOUNDS_MS.length);
  #before = new Uint32Array(SIZE + TOTAL_BOUNDS_MS.length);
  /** What neither half holds any more, by bound. */
  readonly #past = new Float64Array(TOTAL_BOUNDS_MS.length + 1);
  #sumMs = 0;
  #halfStart: number;
  #windowStart: number;

  constructor(now: number) {
    this.#halfStart = now;
    this.#windowStart = now;
  }

  record(ms: number, now: number): void {
    if (now - this.#halfStart >= HALF_MS) this.#turn(now);
    // Most waits: whoever finds a seat free has waited for nothing.
    if (ms === 0) {
      this.#now[0]!++;
      return;
    }
    const us = ms * 1_000;
    const bucket = bucketOf(us >= MAX_US ? MAX_US : us | 0);
    this.#now[ms > SPLIT_MS[bucket]! ? SIZE + BOUND_OF[bucket]! : bucket]!++;
    this.#sumMs += ms;
  }

  /** How many were recorded in the window, scaled to a minute. */
  perMinute(now: number): number {
    this.#turn(now);
    const span = Math.max(now - this.#windowStart, 1_000);
    return (this.#inWindow() * 60_000) / span;
  }

  /** The values below which these parts (ascending, 0 to 1) of the window lie, in milliseconds; 0 when it is empty. */
  quantiles(parts: readonly number[], now: number): number[] {
    this.#turn(now);
    const total = this.#inWindow();
    const found: number[] = [];
    let seen = 0;
    for (let i = 0; i < SIZE && found.length < parts.length; i++) {
      seen += this.#now[i]! + this.#before[i]!;
      if (SPLIT_MS[i] !== Infinity)
        seen += this.#now[SIZE + BOUND_OF[i]!]! + this.#before[SIZE + BOUND_OF[i]!]!;
      while (
        found.length < parts.length &&
        total > 0 &&
        seen >= Math.max(1, Math.ceil(parts[found.length]! * total))
      )
        found.push(middleOf(i) / 1_000);
    }
    while (found.length < parts.length) found.push(0);
    return found;
  }

  /** All that was ever recorded. */
  totals(): DurationTotals {
    const counts = Float64Array.from(this.#past);
    addTo(counts, this.#before);
    addTo(counts, this.#now);
    return {
      counts: [...counts],
      count: counts.reduce((sum, count) => sum + count, 0),
      sumMs: this.#sumMs,
    };
  }

  #inWindow(): number {
    let count = 0;
    for (let i = 0; i < this.#now.length; i++) count += this.#now[i]! + this.#before[i]!;
    return count;
  }

  #turn(now: number): void {
    const elapsed = now - this.#halfStart;
    if (elapsed < HALF_MS) return;
    const stale = elapsed >= 2 * HALF_MS;
    addTo(this.#past, this.#before);
    [this.#now, this.#before] = [this.#before, this.#now];
    if (stale) {
      addTo(this.#past, this.#before);
      this.#before.fill(0);
    }
    this.#now.fill(0);
    this.#windowStart = stale ? now : this.#halfStart;
    this.#halfStart = now;
  }
}

/** Adds what a half has counted to the totals by bound. */
function addTo(counts: Float64Array, half: Uint32Array): void {
  for (let i = 0; i < SIZE; i++) counts[BOUND_OF[i]!]! += half[i]!;
  for (let bound = 0; bound < TOTAL_BOUNDS_MS.length; bound++) counts[bound + 1]! += half[SIZE + bound]!;
}

function bucketOf(us: number): number {
  if (us < SUB_BUCKETS) return us < 0 ? 0 : us;
  const octave = 31 - Math.clz32(us);
  return (octave - SUB_BITS + 1) * SUB_BUCKETS + ((us >>> (octave - SUB_BITS)) & (SUB_BUCKETS - 1));
}

/** The least microseconds that a bucket holds. */
function lowOf(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  return (SUB_BUCKETS + (bucket & (SUB_BUCKETS - 1))) * 2 ** ((bucket >> SUB_BITS) - 1);
}

function middleOf(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  const shift = (bucket >> SUB_BITS) - 1;
  return lowOf(bucket) + (2 ** shift - 1) / 2;
}
