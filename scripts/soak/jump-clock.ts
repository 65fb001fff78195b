/** The system's monotonic clock, which jumps ahead as it does where it goes on while the machine sleeps. */

import type { Clock } from "../../src/core/clock.ts";

interface Timer {
  readonly at: number;
  readonly fn: () => void;
  handle: NodeJS.Timeout;
}

export class JumpClock implements Clock {
  #ahead = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return performance.now() + this.#ahead;
  }

  after(ms: number, fn: () => void): () => void {
    const timer: Timer = { at: this.now() + ms, fn, handle: setTimeout(() => this.#fire(timer), ms) };
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer.handle);
      this.#timers.delete(timer);
    };
  }

  /** Everything that came due meanwhile fires in the next turn of the event loop, as it does after a sleep. */
  jump(ms: number): void {
    this.#ahead += ms;
    const now = this.now();
    for (const timer of this.#timers) {
      if (timer.at > now) continue;
      clearTimeout(timer.handle);
      timer.handle = setTimeout(() => this.#fire(timer), 0);
    }
  }

  #fire(timer: Timer): void {
    if (this.#timers.delete(timer)) timer.fn();
  }
}

const realNow = Date.now;

/** The time of day is set to another one, as an administrator or NTP may do; 0 sets it right again. */
export function setTimeOfDay(aheadMs: number): void {
  Date.now = aheadMs === 0 ? realNow : () => realNow() + aheadMs;
}
