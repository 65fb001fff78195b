/** One scenario against one target, from the first call to the judgement. */

import type { RunReport } from "../report/result.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { planOf } from "./book.ts";
import type { LoadCrew } from "./crew.ts";
import type { LaneTick } from "./messages.ts";
import { laneResult, whyInvalid } from "./outcome.ts";
import type { LaneTally } from "./tally.ts";
import type { Target } from "./target.ts";

/** What is run, and how it is judged. */
export interface RunOptions {
  /** What the report calls it. */
  readonly name: string;
  readonly scenario: Scenario;
  readonly target: Target;
  /** Calls a second that the service can do. */
  readonly capacity: number;
  readonly seed: number;
  readonly crew: LoadCrew;
  /** What each lane got of what was served, and was due; in the order of the scenario's lanes. */
  readonly shares: (
    tallies: readonly LaneTally[],
  ) => readonly { readonly got: number; readonly due?: number }[];
  /** Ends the load early: the run is reported, as invalid. */
  readonly signal: AbortSignal;
  readonly onTick?: (elapsedMs: number, lanes: readonly LaneTick[]) => void;
}

/** Runs it. Rejects only when the generator itself broke. */
export async function runScenario(options: RunOptions): Promise<RunReport> {
  const { name, scenario, target, capacity, seed, crew, shares, signal, onTick } = options;
  const plan = planOf(scenario, target, capacity, seed);
  const result = await crew.run(plan, seed, onTick === undefined ? { signal } : { signal, onTick });
  const share = shares(result.lanes);
  const lanes = scenario.lanes.map((lane, at) => laneResult(scenario, lane, result.lanes[at]!, share[at]!));
  const invalid = [
    ...(signal.aborted ? [`it was stopped after ${Math.round(result.lastedMs / 100) / 10} s`] : []),
    ...whyInvalid(result, scenario.inFlightMax),
  ];
  return {
    name,
    target: target.origin,
    lanes,
    generator: {
      workers: crew.size,
      sent: result.sent,
      sentPerSecond: result.sent / (Math.min(result.lastedMs, plan.phaseEndsMs.at(-1)!) / 1_000),
      lagMs: result.lag.spread(),
    },
    invalid,
    remarks: scenario.lanes.flatMap((lane, at) => remarkOn(lane.name, lane.lane, result.lanes[at]!)),
    pass: invalid.length === 0 && lanes.every(({ objectives }) => objectives.every(({ held }) => held)),
  };
}

/** A service that puts requests into another lane than they claim is judged by lanes that it never saw. */
function remarkOn(name: string, claimed: string, { otherLanes }: LaneTally): string[] {
  const all = [...otherLanes].sort(([, one], [, other]) => other - one);
  if (all.length === 0) return [];
  const lanes = all.map(([lane, count]) => `${lane} (${count})`).join(", ");
  return [
    `${name}: replies came from other lanes than ${claimed}: ${lanes}. Ask paths that the service's policy puts there, ` +
      "or as a caller whom it trusts with that lane",
  ];
}
