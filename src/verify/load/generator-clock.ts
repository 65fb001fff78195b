import type { Clock } from "../../core/clock.ts";

/**
 * The system's clock for a generator of load. Timers have a grain of a millisecond and fire up to one late; what is due in
 * less than `awakeMs` is waited for awake instead, exact to the turn of the event loop. That keeps a processor busy, and
 * who is always busy waits for it where there are others: with 0 nothing is waited for awake. Never calls early.
 */
export function generatorClock(awakeMs: number): Clock {
  return {
    now: performance.now.bind(performance),
    after(ms, fn) {
      const at = performance.now() + ms;
      let timer: NodeJS.Timeout | undefined;
      let immediate: NodeJS.Immediate | undefined;
      const step = (): void => {
        const left = at - performance.now();
        if (left <= 0) fn();
        else if (left > awakeMs) timer = setTimeout(step, Math.floor(left - awakeMs / 2));
        else immediate = setImmediate(step);
      };
      if (ms > awakeMs) step();
      else immediate = setImmediate(step);
      return () => {
        clearTimeout(timer);
        clearImmediate(immediate);
      };
    },
  };
}
