/**
 * What a run of `laneway verify` found: the shape of `report.json`, of which the summary and the page are drawings.
 * Times are milliseconds; instants count from the start of the load.
 */

import type { Spread } from "../load/histogram.ts";

/** One part of the load, such as `baseline`, `flood`, `recovery`. */
export interface PhaseSpan {
  readonly name: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** One second of one lane. Calls count in the second in which they were due. */
export interface LaneSecond {
  readonly fromMs: number;
  readonly offered: number;
  readonly served: number;
  readonly refused: number;
  readonly failed: number;
  /** Of the served ones; absent when there was none. */
  readonly p50?: number;
  readonly p99?: number;
}

/** One lane during one phase: the calls that were due in it. */
export interface LanePhase {
  readonly phase: string;
  readonly offered: number;
  readonly served: number;
  readonly latencyMs: Spread;
}

/** What was promised of a lane, and what came. */
export interface ObjectiveResult {
  /** As it was written: `p99 < 300ms`. */
  readonly objective: string;
  /** As people read it: `212 ms`, `99.97 %`. */
  readonly measured: string;
  /** Absent when nothing was measured to judge it by: then it is not held. */
  readonly value?: number;
  readonly held: boolean;
}

/** What became of the calls of one lane. `offered = served + refused + failed + unanswered + unsent`. */
export interface LaneResult {
  readonly lane: string;
  readonly offered: number;
  readonly served: number;
  readonly refused: number;
  readonly failed: number;
  /** Sent, and not settled when the run ended. */
  readonly unanswered: number;
  /** Not sent by the generator, which makes the run invalid. */
  readonly unsent: number;
  /** Calls made again by clients that come back after a refusal; not part of `offered`. */
  readonly returns: number;
  /** From the instant a call was due to the end of its reply, of the served ones. */
  readonly latencyMs: Spread;
  /** As the service itself told it by `laneway-wait-ms`; a count of 0 where it tells none. */
  readonly waitMs: Spread;
  /** Up to the first byte of the reply. */
  readonly firstByteMs: Spread;
  /** Points of the distribution of `latencyMs`, for its curve: shares from 0 to 1, in order. */
  readonly distribution: readonly { readonly share: number; readonly ms: number }[];
  readonly seconds: readonly LaneSecond[];
  /** The same by phase, in the order of the report's phases: what tells a lane under flood from one at rest. */
  readonly phases?: readonly LanePhase[];
  /** Of all that was served while the load was beyond capacity, 0 to 1: what it got, and what its policy owed it. */
  readonly share: { readonly got: number; readonly due?: number };
  readonly objectives: readonly ObjectiveResult[];
  /** The first few reasons of failed calls. */
  readonly errors: readonly string[];
}

/** The load as it was really made. A run in which `lagMs.p99` passes 5 is invalid. */
export interface GeneratorResult {
  readonly workers: number;
  readonly sent: number;
  readonly sentPerSecond: number;
  /** How late calls were sent. */
  readonly lagMs: Spread;
}

/** One target under one scenario. */
export interface RunReport {
  /** `lanes on`, `lanes off`, or the target when it is the only one. */
  readonly name: string;
  readonly target: string;
  /** Most important first. */
  readonly lanes: readonly LaneResult[];
  readonly generator: GeneratorResult;
  /** Why nothing can be concluded from this run; empty for a valid one. */
  readonly invalid: readonly string[];
  /** What a reader should know of it, in sentences: replies that came from another lane than was asked for, say. */
  readonly remarks?: readonly string[];
  readonly pass: boolean;
}

/** All of `report.json`. */
export interface VerifyReport {
  readonly version: 1;
  readonly scenario: string;
  /** What the scenario asks, in a sentence. */
  readonly about: string;
  readonly seed: number;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly phases: readonly PhaseSpan[];
  /** Calls a second that the service can do, which the scenario's percentages refer to: given, or found out first. */
  readonly capacity?: { readonly perSecond: number; readonly found: boolean };
  /** The judged run first; then, with `--compare`, the other one, which is shown and not judged. */
  readonly runs: readonly [RunReport, ...RunReport[]];
  readonly pass: boolean;
  readonly machine: { readonly cores: number; readonly node: string; readonly platform: string };
}
