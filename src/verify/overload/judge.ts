/** Promises held against what was measured. */

import { TimeCounts } from "../load/time-counts.ts";
import type { ObjectiveResult } from "../report/result.ts";
import type { Objective } from "../scenario/objective.ts";
import type { ScenarioPhase } from "../scenario/scenario.ts";
import type { LaneTally, OutcomeCounts, PhaseTally } from "./tally.ts";

/** One objective of one lane. Not held when there was nothing to judge it by. */
export function judge(
  objective: Objective,
  tally: LaneTally,
  phases: readonly ScenarioPhase[],
): ObjectiveResult {
  const value = measure(objective, tally, phases, objective.during);
  const level = levelOf(objective, tally, phases);
  const { text, below, metric } = objective;
  if (value === undefined || level === undefined)
    return { objective: text, measured: whyNot(objective, value === undefined), held: false };
  const strict = below ? value < level : value > level;
  // "success >= 100%" is the one bound that can be met only by being equal; the others are told by their sign too.
  const held = strict || (value === level && /[<>]=/.test(text));
  const against = "level" in objective.bound ? "" : `, at most ${show(metric.kind, level)}`;
  return { objective: text, measured: `${show(metric.kind, value)}${against}`, value, held };
}

function levelOf(
  objective: Objective,
  tally: LaneTally,
  phases: readonly ScenarioPhase[],
): number | undefined {
  const { bound } = objective;
  if ("level" in bound) return bound.level;
  const before = measure(objective, tally, phases, bound.phase);
  return before === undefined ? undefined : before * bound.times + bound.plusMs;
}

function measure(
  { metric }: Objective,
  tally: LaneTally,
  phases: readonly ScenarioPhase[],
  during: string | undefined,
): number | undefined {
  const chosen = phases.flatMap(({ name }, at) => (during === undefined || name === during ? [at] : []));
  const tallies = chosen.map((at) => tally.phases[at]!);
  const sum = (count: keyof OutcomeCounts): number =>
    tallies.reduce((total, phase) => total + phase[count], 0);
  if (metric.kind === "latency" || metric.kind === "wait") {
    const times = timesOf(tallies, metric.kind);
    return times.count === 0 ? undefined : times.quantile(metric.quantile);
  }
  if (sum("offered") === 0) return undefined;
  if (metric.kind === "success") return sum("served") / sum("offered");
  const ms = chosen.reduce((total, at) => total + phases[at]!.untilMs - phases[at]!.fromMs, 0);
  return sum("served") / (ms / 1_000);
}

/** The latencies or waits of several phases together. */
export function timesOf(phases: readonly PhaseTally[], kind: "latency" | "wait"): TimeCounts {
  const all = new TimeCounts();
  for (const phase of phases) all.add(phase[kind].data());
  return all;
}

function whyNot({ metric }: Objective, valueMissing: boolean): string {
  if (!valueMissing) return "nothing to compare with";
  if (metric.kind === "wait") return "the service tells no waits";
  return metric.kind === "latency" ? "nothing was served" : "nothing was asked";
}

function show(kind: Objective["metric"]["kind"], value: number): string {
  if (kind === "success") return `${cut(value * 100, value > 0.99 ? 3 : 1)} %`;
  if (kind === "progress") return `${cut(value, value >= 10 ? 0 : 1)}/s`;
  if (value < 1) return "<1 ms";
  return value < 9_995 ? `${Math.round(value)} ms` : `${Math.round(value / 1_000)} s`;
}

/** Cut and not rounded: 99.9996 % is not everything. */
function cut(value: number, digits: number): string {
  return String(Math.floor(value * 10 ** digits + 1e-9) / 10 ** digits);
}
