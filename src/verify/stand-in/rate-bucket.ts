const MINUTE_MS = 60_000;

/** Refilled in many small steps, a bucket misses its sum by less than this. */
const ROUNDING = 1e-6;

/** One allowance a minute: a bucket of that size, full at the start, that refills all the time. */
export class RateBucket {
  readonly perMinute: number;
  readonly #now: () => number;
  #left: number;
  #at: number;

  /** `perMinute` may be Infinity for no limit; `now` gives milliseconds since the epoch. */
  constructor(perMinute: number, now: () => number = Date.now) {
    this.perMinute = perMinute;
    this.#now = now;
    this.#left = perMinute;
    this.#at = now();
  }

  /** What is left; below zero while more was used than there was. */
  get left(): number {
    this.#refill();
    return this.#left;
  }

  /** Takes whether or not there is enough: what was used was used. A negative amount gives back. */
  take(amount: number): void {
    this.#refill();
    this.#left = Math.min(this.perMinute, this.#left - amount);
  }

  /** How long until so much is left, in milliseconds; more than a bucket holds counts as a full bucket. */
  msUntil(amount: number): number {
    if (this.perMinute === Infinity) return 0;
    const lacking = Math.min(amount, this.perMinute) - this.left;
    return lacking <= ROUNDING ? 0 : (lacking / this.perMinute) * MINUTE_MS;
  }

  /** When the bucket is full again if nothing else is taken, in milliseconds since the epoch. */
  fullAt(): number {
    const missingMs = this.msUntil(this.perMinute);
    return this.#at + missingMs;
  }

  #refill(): void {
    if (this.perMinute === Infinity) return;
    const now = this.#now();
    this.#left = Math.min(this.perMinute, this.#left + ((now - this.#at) / MINUTE_MS) * this.perMinute);
    this.#at = now;
  }
}
