/**
 * The system's monotonic clock. One Node timer serves all resources; it looks at most a tenth of a second ahead while
 * something is due and is not set at all otherwise, so that a process whose work is done exits at once or nearly, and
 * one whose caller waits for a time-out stays alive for it.
 */

import type { Clock } from "../core/clock.ts";

interface Call {
  readonly at: number;
  readonly fn: () => void;
}

/** Cancelled calls need no bookkeeping with the runtime: the timer finds nothing due and is not set again. */
const LOOK_AHEAD_MS = 100;

const calls = new Set<Call>();
let timer: NodeJS.Timeout | undefined;
let timerAt = Infinity;

function now(): number {
  return performance.now();
}

function fire(): void {
  timer = undefined;
  timerAt = Infinity;
  const instant = now();
  for (const call of [...calls]) {
    if (call.at > instant || !calls.delete(call)) continue;
    call.fn();
  }
  let next = Infinity;
  for (const call of calls) if (call.at < next) next = call.at;
  if (next !== Infinity) set(next, now());
}

function set(at: number, instant: number): void {
  const hop = Math.min(at, instant + LOOK_AHEAD_MS);
  if (timer !== undefined && timerAt <= hop) return;
  clearTimeout(timer);
  timerAt = hop;
  timer = setTimeout(fire, Math.max(1, Math.ceil(hop - instant)));
}

/** Milliseconds since the process began, and timers on that scale. */
export const systemClock: Clock = {
  now,
  after(ms, fn) {
    const instant = now();
    const call: Call = { at: instant + ms, fn };
    calls.add(call);
    set(call.at, instant);
    return () => calls.delete(call);
  },
};
