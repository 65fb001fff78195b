import type { Clock } from "../core/clock.ts";

interface Call {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
  cancelled: boolean;
}

/**
 * Simulated time: it stands still until `advance` moves it, so an hour of contention takes a second and a test never
 * sleeps.
 *
 * @example
 * const clock = new TestClock();
 * const resource = new Resource({ name: "ai", limit: 1, clock });
 * await clock.advance(1_000);
 */
export class TestClock implements Clock {
  #now: number;
  #order = 0;
  readonly #calls: Call[] = [];

  /** Starts at 0 unless told otherwise; milliseconds. */
  constructor(startMs = 0) {
    this.#now = startMs;
  }

  /** Simulated milliseconds. */
  now(): number {
    return this.#now;
  }

  /** Calls `fn` when time has been advanced by `ms`; returns the function that cancels the call. */
  after(ms: number, fn: () => void): () => void {
    const call: Call = { at: this.#now + Math.max(0, ms), order: this.#order++, fn, cancelled: false };
    this.#push(call);
    return () => {
      call.cancelled = true;
    };
  }

  /** Resolves after `ms` of simulated time: the run of a simulated task. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Moves time on by `ms`; every call that is due on the way is made at its instant, its promise reactions included. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Infinity))
      throw new RangeError(`TestClock.advance: expected milliseconds from 0 up, found ${ms}`);
    const until = this.#now + ms;
    await settle();
    for (let next = this.#calls[0]; next !== undefined && next.at <= until; next = this.#calls[0]) {
      this.#pop();
      if (next.cancelled) continue;
      this.#now = Math.max(this.#now, next.at);
      next.fn();
      await settle();
    }
    this.#now = Math.max(this.#now, until);
  }

  #push(call: Call): void {
    const calls = this.#calls;
    let index = calls.push(call) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(call, calls[parent]!)) break;
      calls[index] = calls[parent]!;
      index = parent;
    }
    calls[index] = call;
  }

  #pop(): void {
    const calls = this.#calls;
    const last = calls.pop()!;
    if (calls.length === 0) return;
    let index = 0;
    for (let child = 1; child < calls.length; child = 2 * index + 1) {
      if (child + 1 < calls.length && before(calls[child + 1]!, calls[child]!)) child++;
      if (!before(calls[child]!, last)) break;
      calls[index] = calls[child]!;
      index = child;
    }
    calls[index] = last;
  }
}

function before(a: Call, b: Call): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}

/** All promise reactions that are due have run once the event loop turns. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
