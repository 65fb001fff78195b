/**
 * An open-loop load generator: every call is sent when it is due, however the ones before it fare, and its latency
 * counts from the instant it was due. A service that stalls for a second therefore shows calls of up to a second,
 * where a closed loop would show one and quietly send fewer. The generator's own lateness is reported beside.
 */

import type { Clock } from "../../core/clock.ts";
import { TimeHistogram } from "./histogram.ts";
import type { Spread } from "./histogram.ts";
import { mergeDue } from "./merge-due.ts";
import { openLoop } from "./open-loop.ts";
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

/** Starts a run; `done` settles when every call has, or when the grace time is over. */
export function startRun(options: RunOptions): Run {
  const { clock } = options;
  const calls = mergeDue(options.streams.map(({ due }) => due));
  const recorders = options.streams.map((stream) => new StreamRecorder(stream.name));
  const lag = new TimeHistogram();
  const startedAt = clock.now();
  let allSent = false;
  let inFlight = 0;
  let stopSending = (): void => undefined;
  let finish = (): void => undefined;
  let finished = false;

  const done = new Promise<RunResult>((resolve) => {
    finish = () => {
      if (finished) return;
      finished = true;
      stopSending();
      cancelGrace();
      const streams = recorders.map((recorder) => recorder.result());
      resolve({ streams, lagMs: lag.spread(), complete: streams.every((stream) => stream.skipped === 0) });
    };
  });
  const cancelGrace = clock.after((calls.due.at(-1) ?? 0) + (options.graceMs ?? GRACE_MS), () => finish());

  const send = (call: number, nowMs: number): void => {
    if (finished) return;
    const stream = calls.stream[call]!;
    const due = calls.due[call]!;
    const recorder = recorders[stream]!;
    if (inFlight >= (options.inFlightMax ?? IN_FLIGHT_MAX)) return recorder.skip();
    lag.record(nowMs - due);
    inFlight++;
    recorder.send();
    let settled = false;
    options.streams[stream]!.send(calls.index[call]!, (outcome) => {
      if (settled || finished) return;
      settled = true;
      inFlight--;
      const sample = recorder.settle(due, clock.now() - startedAt, outcome);
      options.onSample?.(stream, sample);
      if (inFlight === 0 && allSent) finish();
    });
  };

  stopSending = openLoop({
    due: calls.due,
    clock,
    startedAt,
    send,
    allSent: () => {
      allSent = true;
      if (inFlight === 0) finish();
    },
  });
  if (finished) stopSending();
  return { done, stop: () => finish() };
}
