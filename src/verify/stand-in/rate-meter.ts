const MINUTE_MS = 60_000;

/** A token bucket that only reports: what a provider's rate-limit headers would say. It never refuses. */
export class RateMeter {
  readonly limit: number;
  readonly #now: () => number;
  #level: number;
  #at: number;

  /** A bucket of `limit` a minute, full at the start; `now` gives milliseconds since the epoch. */
  constructor(limit: number, now: () => number = Date.now) {
    this.limit = limit;
    this.#now = now;
    this.#level = limit;
    this.#at = now();
  }

  spend(amount: number): void {
    this.#refill();
    this.#level = Math.max(0, this.#level - amount);
  }

  remaining(): number {
    this.#refill();
    return Math.floor(this.#level);
  }

  /** When the bucket is full again if nothing else is spent. */
  fullAt(): Date {
    this.#refill();
    return new Date(this.#at + ((this.limit - this.#level) / this.limit) * MINUTE_MS);
  }

  #refill(): void {
    const now = this.#now();
    this.#level = Math.min(this.limit, this.#level + ((now - this.#at) / MINUTE_MS) * this.limit);
    this.#at = now;
  }
}
