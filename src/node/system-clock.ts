import type { Clock } from "../core/clock.ts";

/** Node fires a timer set for longer than this, 24.8 days, at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Other runtimes have none. */
const { nodeTiming } = performance as { readonly nodeTiming?: { readonly duration: number } };

/**
 * The system's monotonic clock: milliseconds since the process began, and Node's timers.
 *
 * @example
 * await ai.run(callTheModel, { deadline: systemClock.now() + 2_000 });
 */
export const systemClock: Clock = {
  // The same number by another door: `performance.now` first looks at what it was called on, through a wrapper with a list of
  // its arguments, and with that in it the compiler inlines less of what surrounds it. An admission reads the clock
  // twice: a tenth of an uncontended `run`.
  now: nodeTiming === undefined ? performance.now.bind(performance) : () => nodeTiming.duration,
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
