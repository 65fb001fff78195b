/** What a run says, in a sentence, and what its most important lane says for it. */

import { plural, servedText, timeText, where } from "./words.ts";
import type { LaneResult, ObjectiveResult, RunReport, VerifyReport } from "./result.ts";

/** The sentence on top. `open` is a run that nothing was asked of. */
export interface ReportVerdict {
  readonly level: "held" | "missed" | "invalid" | "open";
  readonly word: string;
  readonly text: string;
}

/** The verdict on the judged run. An invalid run is neither held nor missed. */
export function reportVerdict({ runs: [run], pass }: VerifyReport): ReportVerdict {
  const objectives = run.lanes.flatMap((lane) => lane.objectives.map((one) => ({ lane: lane.lane, ...one })));
  if (run.invalid.length > 0)
    return { level: "invalid", word: "Not valid", text: "Nothing can be concluded from this run." };
  const missed = objectives.filter(({ held }) => !held);
  const worst = missed[0];
  if (worst !== undefined) {
    const of = objectives.length === 1 ? "" : ` ${missed.length} of ${objectives.length} objectives missed.`;
    const text = `${worst.lane} promises ${worst.objective}; found: ${worst.measured}.${of}`;
    return { level: "missed", word: "Missed", text };
  }
  if (!pass) return { level: "missed", word: "Missed", text: "The run did not pass." };
  if (objectives.length === 0)
    return { level: "open", word: "Not judged", text: "No objective was set: these are the numbers." };
  const only = objectives[0]!;
  const text =
    objectives.length === 1
      ? `${only.lane} promises ${only.objective}; found: ${only.measured}.`
      : `All ${objectives.length} objectives were met.`;
  return { level: "held", word: "Held", text };
}

/** The lane that the report argues by: the most important one that was called at all. */
export function headLane({ lanes }: RunReport): LaneResult | undefined {
  return lanes.find(({ offered }) => offered > 0) ?? lanes[0];
}

/** The same lane in another run; undefined when that has none of its name. */
export function sameLane(run: RunReport | undefined, lane: string): LaneResult | undefined {
  return run?.lanes.find((one) => one.lane === lane);
}

/** The argument in a sentence: one lane with lanes and without, or at rest and under load, or as it was. */
export function argument(report: VerifyReport): string {
  const [run, other] = report.runs;
  const lane = headLane(run);
  if (lane === undefined) return "No lane was called.";
  const control = sameLane(other, lane.lane);
  if (other !== undefined && control !== undefined)
    return `Under the same load the p99 of ${lane.lane} was ${p99Of(lane)} ${where(run.name)} and ${p99Of(control)} ${where(other.name)}; ${servedText(lane)} and ${servedText(control)} of its calls were served.`;
  if (lane.latencyMs.count === 0)
    return `Of ${plural(lane.offered, "call")} of ${lane.lane} none was served.`;
  const phases = (lane.phases ?? []).filter(({ offered }) => offered > 0);
  const p99s = phases.map((phase) => `${p99Of(phase)} in ${phase.phase}`).join(", ");
  return `The p99 of ${lane.lane} was ${phases.length > 1 ? p99s : p99Of(lane)}; ${servedText(lane)} of ${plural(lane.offered, "call")} were served.`;
}

function p99Of({ latencyMs }: Pick<LaneResult, "latencyMs">): string {
  return latencyMs.count === 0 ? "none (nothing served)" : timeText(latencyMs, "p99");
}

/** An objective and what came of it: `p99 < 300ms: 212 ms`. */
export function objectiveText({ objective, measured }: ObjectiveResult): string {
  return `${objective}: ${measured}`;
}

/** A run that is shown beside the judged one, and says nothing either. */
export function doubtOf(run: RunReport | undefined): string | undefined {
  return run === undefined || run.invalid.length === 0
    ? undefined
    : `The run ${where(run.name)} is not valid: ${run.invalid.join("; ")}.`;
}
