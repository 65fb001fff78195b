/** A load generator in a process of its own, so that what it measures is not its parent's drawing. */

import { systemClock } from "../../node/system-clock.ts";
import { serveParent } from "../child.ts";
import { dueInstants } from "./arrival.ts";
import type { Arrival } from "./arrival.ts";
import { startRun } from "./generator.ts";
import type { RunResult } from "./generator.ts";
import { httpSender } from "./http-sender.ts";
import type { CallTarget } from "./http-sender.ts";
import type { Sample } from "./result.ts";

/** One stream as a plan describes it: plain data, so that it can be sent to a process and printed. */
export interface StreamPlan {
  readonly name: string;
  readonly target: CallTarget;
  readonly arrival: Arrival;
  readonly seed: number;
}

/** What the parent says: the whole plan. The start is an instant of the wall clock, so that several generators agree. */
export interface LoadStart {
  readonly streams: readonly StreamPlan[];
  readonly startAtEpochMs: number;
  readonly graceMs: number;
}

/** What the generator says: what has settled lately, by stream, and in the end all it measured. */
export type LoadMessage =
  | {
      readonly type: "samples";
      readonly samples: readonly { readonly stream: number; readonly sample: Sample }[];
    }
  | { readonly type: "result"; readonly result: RunResult };

const REPORT_EVERY_MS = 100;

serveParent<LoadStart, LoadMessage>((plan, send) => {
  const senders = plan.streams.map((stream) => httpSender(stream.target));
  const streams = plan.streams.map((stream, number) => ({
    name: stream.name,
    due: dueInstants(stream.arrival, stream.seed),
    send: (_index: number, settle: Parameters<(typeof senders)[number]["send"]>[0]) =>
      senders[number]!.send(settle),
  }));
  setTimeout(() => void runAndReport(), Math.max(0, plan.startAtEpochMs - Date.now()));

  async function runAndReport(): Promise<void> {
    let samples: { stream: number; sample: Sample }[] = [];
    const report = (): void => {
      if (samples.length > 0) send({ type: "samples", samples });
      samples = [];
    };
    const timer = setInterval(report, REPORT_EVERY_MS);
    const run = startRun({
      streams,
      clock: systemClock,
      graceMs: plan.graceMs,
      onSample: (stream, sample) => samples.push({ stream, sample }),
    });
    const result = await run.done;
    clearInterval(timer);
    report();
    send({ type: "result", result });
    await Promise.all(senders.map((sender) => sender.close()));
  }
});
