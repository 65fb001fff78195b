/**
 * What any limiter must do, written by hand and for speed: a counter and a first-in-first-out queue of callbacks. The
 * reporting one is the floor of the bars; it also reads the clock at submission and at the end, and records how long
 * each task waited and ran.
 */

import { systemClock } from "../src/node/system-clock.ts";

/** Anything that runs a task when its turn comes. */
export interface Limiter {
  run<T>(fn: () => Promise<T>): Promise<T>;
}

/** A ring of callbacks that doubles when it is full: O(1) at both ends, nothing moved on the way. */
class Ring<T> {
  #items: (T | undefined)[] = Array.from({ length: 16 }, () => undefined);
  #head = 0;
  #size = 0;

  push(item: T): void {
    if (this.#size === this.#items.length) this.#grow();
    this.#items[(this.#head + this.#size++) & (this.#items.length - 1)] = item;
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#size--;
    return item;
  }

  #grow(): void {
    const { length } = this.#items;
    const grown = Array.from<T | undefined>({ length: 2 * length });
    for (let i = 0; i < length; i++) grown[i] = this.#items[(this.#head + i) & (length - 1)];
    this.#items = grown;
    this.#head = 0;
  }
}

/** A counter and a queue, and nothing else. */
export class BareFifo implements Limiter {
  readonly #limit: number;
  readonly #waiting = new Ring<() => void>();
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  async run<T>(fn: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limit) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await fn();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

/** The clock that the scheduler reads. */
const now = (): number => systemClock.now();

/** Durations in buckets of whole microseconds, sixteen to an octave, as the scheduler's own. */
class Durations {
  readonly #counts = new Uint32Array(448);

  record(ms: number): void {
    const us = (ms * 1_000) | 0;
    this.#counts[bucketOf(us)]!++;
  }
}

function bucketOf(us: number): number {
  if (us < 16) return us < 0 ? 0 : us;
  const octave = 31 - Math.clz32(us);
  return (octave - 3) * 16 + ((us >>> (octave - 4)) & 15);
}

/** The floor: a counter and a queue that also knows how long tasks wait and run. */
export class ReportingFifo implements Limiter {
  readonly #limit: number;
  readonly #waiting = new Ring<(startedAt: number) => void>();
  readonly #waits = new Durations();
  readonly #runs = new Durations();
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  async run<T>(fn: () => Promise<T>): Promise<T> {
    const arrivedAt = now();
    let startedAt = arrivedAt;
    if (this.#running < this.#limit) this.#running++;
    else startedAt = await new Promise<number>((resolve) => this.#waiting.push(resolve));
    this.#waits.record(startedAt - arrivedAt);
    try {
      return await fn();
    } finally {
      const endedAt = now();
      this.#runs.record(endedAt - startedAt);
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next(endedAt);
    }
  }
}
