import type { Clock } from "../core/clock.ts";

/** Node fires a timer set for longer than this, 24.8 days, at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The system's monotonic clock: milliseconds since the process began, and Node's timers.
 *
 * @example
 * await ai.run(callTheModel, { deadline: systemClock.now() + 2_000 });
 */
export const systemClock: Clock = {
  // Bound: calling it as a method costs a third more, and an admission reads the clock twice.
  now: performance.now.bind(performance),
  after(ms, fn) {
    let timer: NodeJS.Timeout;
    const set = (left: number): void => {
      const part = Math.min(Math.ceil(left), LONGEST_TIMER_MS);
      timer = setTimeout(() => (left > part ? set(left - part) : fn()), part);
    };
    set(ms);
    return () => clearTimeout(timer);
  },
};
