/**
 * A histogram of times that can be sent to another thread and added to others, which Node's own cannot: log-linear
 * buckets of whole microseconds, as the scheduler's histogram has them, only finer.
 */

import type { Spread } from "./histogram.ts";

/** 2³² µs is 71 minutes: longer times land in the last bucket. */
const MAX_US = 0xffff_ffff;
/** A bucket is at most 1/128 of its value wide, so its middle is within 0.4 % of every time in it. */
const FINE_BITS = 7;

/** The counts as plain data. */
export interface TimeCountsData {
  readonly bits: number;
  readonly counts: Uint32Array;
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
}

/** Times in milliseconds. `bits` 7 is within 0.4 %, in 13 KB; 5 is within 1.6 %, in 3.5 KB. */
export class TimeCounts {
  readonly #bits: number;
  readonly #counts: Uint32Array;
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  constructor(bits: number = FINE_BITS) {
    this.#bits = bits;
    this.#counts = new Uint32Array((33 - bits) << bits);
  }

  get count(): number {
    return this.#count;
  }

  record(ms: number): void {
    const time = ms > 0 ? ms : 0;
    this.#counts[this.#bucketOf(Math.min(MAX_US, Math.round(time * 1_000)))]!++;
    this.#count++;
    this.#sumMs += time;
    if (time > this.#maxMs) this.#maxMs = time;
  }

  /** Adds what another thread counted; both must have the same bits. */
  add(data: TimeCountsData): void {
    if (data.bits !== this.#bits)
      throw new RangeError(`TimeCounts.add: expected counts of ${this.#bits} bits, found ${data.bits}`);
    for (let bucket = 0; bucket < this.#counts.length; bucket++)
      this.#counts[bucket]! += data.counts[bucket]!;
    this.#count += data.count;
    this.#sumMs += data.sumMs;
    this.#maxMs = Math.max(this.#maxMs, data.maxMs);
  }

  data(): TimeCountsData {
    return {
      bits: this.#bits,
      counts: this.#counts,
      count: this.#count,
      sumMs: this.#sumMs,
      maxMs: this.#maxMs,
    };
  }

  /** The time that this share (0 to 1) of the times do not exceed; 0 when nothing was recorded. */
  quantile(share: number): number {
    return this.#quantiles([share])[0]!;
  }

  spread(): Spread {
    const [p50 = 0, p90 = 0, p99 = 0] = this.#quantiles([0.5, 0.9, 0.99]);
    const mean = this.#count === 0 ? 0 : this.#sumMs / this.#count;
    return { count: this.#count, p50, p90, p99, max: this.#maxMs, mean };
  }

  /** Points of the distribution for a curve: a share and the time that it does not exceed, both growing. */
  distribution(shares: readonly number[]): { share: number; ms: number }[] {
    if (this.#count === 0) return [];
    const times = this.#quantiles(shares);
    return shares.map((share, at) => ({ share, ms: times[at]! }));
  }

  /** `shares` in ascending order. */
  #quantiles(shares: readonly number[]): number[] {
    const found: number[] = [];
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length && found.length < shares.length; bucket++) {
      seen += this.#counts[bucket]!;
      while (found.length < shares.length && this.#count > 0) {
        if (seen < Math.max(1, Math.ceil(shares[found.length]! * this.#count))) break;
        // Of the last bucket only a part was used; no quantile is beyond the longest time.
        found.push(Math.min(this.#middleOf(bucket) / 1_000, this.#maxMs));
      }
    }
    while (found.length < shares.length) found.push(0);
    return found;
  }

  #bucketOf(us: number): number {
    const sub = 1 << this.#bits;
    if (us < sub) return us;
    const octave = 31 - Math.clz32(us);
    return ((octave - this.#bits + 1) << this.#bits) + ((us >>> (octave - this.#bits)) & (sub - 1));
  }

  #middleOf(bucket: number): number {
    const sub = 1 << this.#bits;
    if (bucket < 2 * sub) return bucket;
    const width = 2 ** ((bucket >> this.#bits) - 1);
    return (sub + (bucket & (sub - 1))) * width + (width - 1) / 2;
  }
}
