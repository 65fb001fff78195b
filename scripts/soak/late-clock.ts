/** Simulated time that can also jump: a machine that slept, or a loop that was held up, finds all its timers due at once. */

import type { Clock } from "../../src/core/clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
}

export class LateClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  /** Timers that are set and have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** A timer is due and has not fired yet. */
  get isLate(): boolean {
    return this.#first(this.#now) !== undefined;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Time has passed and nobody was told: timers that came due fire with the next `advance`, all of them late. */
  jump(ms: number): void {
    this.#now += ms;
  }

  /** Moves time on; each timer fires at its instant, or now if that has passed, and what it resolves runs before the next. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await turn();
    for (let next = this.#first(until); next !== undefined; next = this.#first(until)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.fn();
      await turn();
    }
    this.#now = Math.max(this.#now, until);
  }

  #first(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers)
      if (timer.at <= until && (first === undefined || comesBefore(timer, first))) first = timer;
    return first;
  }
}

function comesBefore(a: Timer, b: Timer): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}

/** All promise reactions that are due have run once the event loop turns. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
