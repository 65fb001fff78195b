/**
 * Sends each call when it is due, however those before it fare: the loop under every load that is open. What a call is,
 * and what becomes of it, is its user's business.
 */

import type { Clock } from "../../core/clock.ts";

/** What is sent when, and what is told. */
export interface OpenLoopOptions {
  /** In order, in milliseconds from `startedAt`. */
  readonly due: Float64Array;
  readonly clock: Clock;
  /** The instant of the clock from which `due` counts. */
  readonly startedAt: number;
  /** Sends call number `call`; `nowMs` is the time from `startedAt`, so `nowMs - due[call]` is how late it is. */
  readonly send: (call: number, nowMs: number) => void;
  /** Told once, after the last call was sent. */
  readonly allSent: () => void;
}

/** So many calls that are due together are sent before replies get a turn; lateness counts against the generator. */
const SLICE = 32;

/** Starts to send; the returned function sends nothing more. */
export function openLoop({ due, clock, startedAt, send, allSent }: OpenLoopOptions): () => void {
  let next = 0;
  let stopped = false;
  let cancelTimer = (): void => undefined;
  const sendDue = (): void => {
    for (let sent = 0; sent < SLICE && next < due.length; sent++) {
      const nowMs = clock.now() - startedAt;
      if (due[next]! > nowMs) break;
      send(next++, nowMs);
      if (stopped) return;
    }
    if (next === due.length) return allSent();
    cancelTimer = clock.after(Math.max(0, due[next]! - (clock.now() - startedAt)), sendDue);
  };
  sendDue();
  return () => {
    stopped = true;
    cancelTimer();
  };
}
