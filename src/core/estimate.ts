/**
 * How long a lane's tasks run: a mean that follows (for what a task will cost) and a median of the latest (for whether
 * it can still be in time). Both fade while nothing finishes, so that a resource that has recovered is tried again.
 */

const LATEST = 31;
/** The median is sorted out anew at most every so many samples: 31 numbers sort in about a microsecond. */
const RESORT_EVERY = 8;
/** An estimate halves in ten seconds without a sample, or in eight of its own length, whichever is longer. */
const HALF_LIFE_MS = 10_000;
const HALF_LIFE_RUNS = 8;
const FRESH_MS = 1_000;
/** Weight of a new sample in the mean: 1/8, as in TCP's smoothed round-trip time (RFC 6298). */
const GAIN = 0.125;
const LONGEST_FADE = 0.98;

export class RunEstimate {
  samples = 0;
  /** The longest run, fading. Twice it is an upper bound of the median, and spares most callers the sort. */
  longest = 0;
  #mean = 0;
  #median = 0;
  #lastAt = 0;
  #sortedAt = 0;
  readonly #latest = new Float64Array(LATEST);

  add(runMs: number, now: number): void {
    // After so long a pause the old runs say little: half forgotten is forgotten, or one new run would call them back.
    if (this.samples > 0 && this.#faded(1, now, this.#mean) <= 0.5) this.#forget();
    this.longest = runMs > this.longest ? runMs : Math.max(runMs, this.longest * LONGEST_FADE);
    this.#mean += this.samples === 0 ? runMs : (runMs - this.#mean) * GAIN;
    this.#latest[this.samples % LATEST] = runMs;
    this.samples++;
    this.#lastAt = now;
  }

  /** Milliseconds, or undefined while nothing has been measured. */
  mean(now: number): number | undefined {
    return this.samples === 0 ? undefined : this.#faded(this.#mean, now, this.#mean);
  }

  /** Milliseconds, or undefined while nothing has been measured. */
  median(now: number): number | undefined {
    if (this.samples === 0) return undefined;
    if (this.samples - this.#sortedAt >= RESORT_EVERY || this.samples <= RESORT_EVERY) this.#sort();
    return this.#faded(this.#median, now, this.#median);
  }

  #sort(): void {
    if (this.#sortedAt === this.samples) return;
    const sorted = this.#latest.slice(0, Math.min(this.samples, LATEST)).sort();
    this.#median = sorted[(sorted.length - 1) >> 1]!;
    this.#sortedAt = this.samples;
  }

  #forget(): void {
    this.samples = 0;
    this.longest = 0;
    this.#mean = 0;
    this.#sortedAt = 0;
  }

  /** `value` after as long without a sample as there has been, where runs take about `run` milliseconds. */
  #faded(value: number, now: number, run: number): number {
    const quiet = now - this.#lastAt;
    if (quiet <= FRESH_MS || quiet <= 2 * run) return value;
    return value * 2 ** (-quiet / Math.max(HALF_LIFE_MS, HALF_LIFE_RUNS * run));
  }
}
