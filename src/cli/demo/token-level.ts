/** What is left of the upstream's input tokens, reckoned from what it says that it has taken. */

const MINUTE_MS = 60_000;

/** A bucket as the upstream has it: full at the start, refilled all the time. Instants are from the start of the load. */
export class TokenLevel {
  readonly perMinute: number;
  readonly #fromMs: number;
  #left: number;
  #used = 0;
  #at = 0;
  #usedInTime = 0;

  /** `fromMs`: when the load begins to want more than there is; what counts as used is what is used from then on. */
  constructor(perMinute: number, fromMs: number) {
    this.perMinute = perMinute;
    this.#fromMs = fromMs;
    this.#left = perMinute;
  }

  /** So many tokens have been taken so far, all told. */
  see(used: number, nowMs: number): void {
    const taken = used - this.#used;
    const refill = (Math.max(0, nowMs - this.#at) / MINUTE_MS) * this.perMinute;
    this.#left = Math.min(this.perMinute, this.#left + refill) - taken;
    this.#used = used;
    this.#at = nowMs;
    if (nowMs > this.#fromMs) this.#usedInTime += taken;
  }

  /** From 0 to 1. */
  get leftShare(): number {
    return Math.min(1, Math.max(0, this.#left / this.perMinute));
  }

  /** What was used of all that there was to use: a full bucket, and its refill until now. From 0 to 1. */
  get usedShare(): number {
    const minutes = Math.max(0, this.#at - this.#fromMs) / MINUTE_MS;
    return Math.min(1, this.#usedInTime / (this.perMinute * (1 + minutes)));
  }
}
