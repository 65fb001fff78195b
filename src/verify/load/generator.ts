/**
 * An open-loop load generator: every call is sent when it is due, however the ones before it fare, and its latency
 * counts from the instant it was due. A service that stalls for a second therefore shows calls of up to a second,
 * where a closed loop would show one and quietly send fewer. The generator's own lateness is reported beside.
 */

import type { Clock } from "../../core/clock.ts";
import { TimeHistogram } from "./histogram.ts";
import type { Spread } from "./histogram.ts";
import { StreamRecorder } from "./result.ts";
import type { CallOutcome, Sample, StreamResult } from "./result.ts";

/** One stream of calls: when they are due and how one is sent. */
export interface Stream {
  readonly name: string;
  /** In order, in milliseconds from the start of the run. */
  readonly due: Float64Array;
  /** Sends call number `index`; `settle` must be called once, whatever happens. */
  readonly send: (index: number, settle: (outcome: CallOutcome) => void) => void;
}

/** How a run goes; every field but the streams has a default. */
export interface RunOptions {
  readonly streams: readonly Stream[];
  readonly clock: Clock;
  /** Calls in flight beyond which no more are sent: they count as skipped, and the run as invalid. Default 20,000. */
  readonly inFlightMax?: number;
  /** How long after the last call was due the run still waits for replies. Default 60,000 ms. */
  readonly graceMs?: number;
  /** Told of each call as it settles. */
  readonly onSample?: (stream: number, sample: Sample) => void;
}

/** What a run measured. */
export interface RunResult {
  readonly streams: readonly StreamResult[];
  /** How late the generator itself sent its calls: large values make a run invalid. */
  readonly lagMs: Spread;
  /** Whether every call was sent. */
  readonly complete: boolean;
}

/** A run under way. */
export interface Run {
  readonly done: Promise<RunResult>;
  /** Sends nothing more and settles with what has been measured. */
  stop(): void;
}

const IN_FLIGHT_MAX = 20_000;
const GRACE_MS = 60_000;
/** So many calls that are due together are sent before replies get a turn; lateness counts against the generator. */
const SLICE = 32;

/** Starts a run; `done` settles when every call has, or when the grace time is over. */
export function startRun(options: RunOptions): Run {
  const { clock } = options;
  const order = sendOrder(options.streams);
  const recorders = options.streams.map((stream) => new StreamRecorder(stream.name));
  const lag = new TimeHistogram();
  const startedAt = clock.now();
  const lastDue = order.at(-1)?.due ?? 0;
  let next = 0;
  let inFlight = 0;
  let cancelTimer = (): void => undefined;
  let finish = (): void => undefined;
  let finished = false;

  const done = new Promise<RunResult>((resolve) => {
    finish = () => {
      if (finished) return;
      finished = true;
      cancelTimer();
      cancelGrace();
      const streams = recorders.map((recorder) => recorder.result());
      resolve({ streams, lagMs: lag.spread(), complete: streams.every((stream) => stream.skipped === 0) });
    };
  });
  const cancelGrace = clock.after(lastDue + (options.graceMs ?? GRACE_MS), () => finish());

  const sendOne = (call: { stream: number; index: number; due: number }): void => {
    const recorder = recorders[call.stream]!;
    if (inFlight >= (options.inFlightMax ?? IN_FLIGHT_MAX)) return recorder.skip();
    lag.record(clock.now() - startedAt - call.due);
    inFlight++;
    recorder.send();
    let settled = false;
    options.streams[call.stream]!.send(call.index, (outcome) => {
      if (settled || finished) return;
      settled = true;
      inFlight--;
      const sample = recorder.settle(call.due, clock.now() - startedAt, outcome);
      options.onSample?.(call.stream, sample);
      if (inFlight === 0 && next === order.length) finish();
    });
  };

  const sendDue = (): void => {
    const elapsed = clock.now() - startedAt;
    for (let sent = 0; sent < SLICE && !finished; sent++) {
      const call = order[next];
      if (call === undefined) break;
      if (call.due > elapsed) break;
      next++;
      sendOne(call);
    }
    const following = order[next];
    if (finished) return;
    if (following === undefined) {
      if (inFlight === 0) finish();
      return;
    }
    cancelTimer = clock.after(Math.max(0, following.due - (clock.now() - startedAt)), sendDue);
  };

  sendDue();
  return { done, stop: () => finish() };
}

/** All streams' calls in the order they are due; streams listed first go first on a tie. */
function sendOrder(streams: readonly Stream[]): { stream: number; index: number; due: number }[] {
  const order = streams.flatMap((stream, number) =>
    Array.from(stream.due, (due, index) => ({ stream: number, index, due })),
  );
  return order.sort((a, b) => a.due - b.due);
}
