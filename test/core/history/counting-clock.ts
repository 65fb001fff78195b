import type { Clock } from "../../../src/core/clock.ts";
import { TestClock } from "../../../src/testing/clock.ts";

const MOST_TIMERS = 100_000;

/** A simulated clock that knows how many timers the resource has set and not yet heard from. */
export class CountingClock implements Clock {
  readonly inner: TestClock;
  pending = 0;
  most = 0;
  set = 0;

  constructor(inner: TestClock = new TestClock()) {
    this.inner = inner;
  }

  now(): number {
    return this.inner.now();
  }

  after(ms: number, fn: () => void): () => void {
    // Time that never moves on would hang the test instead of failing it.
    if (++this.set > MOST_TIMERS) throw new Error(`set ${MOST_TIMERS} timers`);
    this.pending++;
    this.most = Math.max(this.most, this.pending);
    let open = true;
    const close = () => {
      if (open) this.pending--;
      open = false;
    };
    const cancel = this.inner.after(ms, () => {
      close();
      fn();
    });
    return () => {
      close();
      cancel();
    };
  }
}
