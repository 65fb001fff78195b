/**
 * A histogram of durations over a moving window of one to two minutes, written on every task and read seldom.
 *
 * Log-linear buckets, sixteen to an octave, of whole microseconds: a bucket's middle is within 3.2 % of every value in
 * it. Two halves of a minute each take turns, so that a reading covers the last one to two minutes and an old peak is
 * forgotten; recording costs a bit scan and an addition.
 *
 *   µs:    0 1 2 … 15 | 16 17 … 31 | 32 34 … 62 | 64 68 … 124 | …
 *   width:     1      |      1     |      2     |      4      | …
 */

const HALF_MS = 60_000;
const SUB_BITS = 4;
const SUB_BUCKETS = 1 << SUB_BITS;
/** 2³¹ µs is 35 minutes: longer durations land in the last bucket. */
const MAX_US = 0x7fff_ffff;
const SIZE = (31 - SUB_BITS + 1) * SUB_BUCKETS;

export class Histogram {
  #now = new Uint32Array(SIZE);
  #before = new Uint32Array(SIZE);
  #countNow = 0;
  #countBefore = 0;
  #halfStart: number;
  #windowStart: number;

  constructor(now: number) {
    this.#halfStart = now;
    this.#windowStart = now;
  }

  record(ms: number, now: number): void {
    if (now - this.#halfStart >= HALF_MS) this.#turn(now);
    const us = ms * 1_000;
    this.#now[bucketOf(us >= MAX_US ? MAX_US : us | 0)]!++;
    this.#countNow++;
  }

  /** How many were recorded in the window, scaled to a minute. */
  perMinute(now: number): number {
    this.#turn(now);
    const span = Math.max(now - this.#windowStart, 1_000);
    return ((this.#countNow + this.#countBefore) * 60_000) / span;
  }

  /** The values below which these parts (ascending, 0 to 1) of the window lie, in milliseconds; 0 when it is empty. */
  quantiles(parts: readonly number[], now: number): number[] {
    this.#turn(now);
    const total = this.#countNow + this.#countBefore;
    const found: number[] = [];
    let seen = 0;
    for (let i = 0; i < SIZE && found.length < parts.length; i++) {
      seen += this.#now[i]! + this.#before[i]!;
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

  #turn(now: number): void {
    const elapsed = now - this.#halfStart;
    if (elapsed < HALF_MS) return;
    const stale = elapsed >= 2 * HALF_MS;
    [this.#now, this.#before] = [this.#before, this.#now];
    this.#countBefore = stale ? 0 : this.#countNow;
    if (stale) this.#before.fill(0);
    this.#now.fill(0);
    this.#countNow = 0;
    this.#windowStart = stale ? now : this.#halfStart;
    this.#halfStart = now;
  }
}

function bucketOf(us: number): number {
  if (us < SUB_BUCKETS) return us < 0 ? 0 : us;
  const octave = 31 - Math.clz32(us);
  return (octave - SUB_BITS + 1) * SUB_BUCKETS + ((us >>> (octave - SUB_BITS)) & (SUB_BUCKETS - 1));
}

function middleOf(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  const shift = (bucket >> SUB_BITS) - 1;
  const low = (SUB_BUCKETS + (bucket & (SUB_BUCKETS - 1))) << shift;
  return low + ((1 << shift) - 1) / 2;
}
