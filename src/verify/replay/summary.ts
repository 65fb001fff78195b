/** A lane's waits and refusals as a few numbers, from a replay or from the recording itself, and what was wanted of it. */

import type { PolicyLane } from "../../policy/policy.ts";
import type { Arrivals } from "../recording/arrivals.ts";
import { CANCELLED } from "./results.ts";
import type { Results } from "./results.ts";

/** What became of the tasks of one lane. Times are milliseconds. */
export interface LaneSummary {
  readonly lane: string;
  readonly arrivals: number;
  /** Those that started. */
  readonly served: number;
  /** Those that were refused, put out or timed out while they waited. */
  readonly shed: number;
  /** Those whose callers left while they waited: nobody's failure. */
  readonly cancelled: number;
  readonly shedBy: Readonly<Record<string, number>>;
  /** Of those that started. */
  readonly waitMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** What a lane was to achieve, and whether it did. A lane without arrivals has nothing to miss. */
export interface Judged extends LaneSummary {
  readonly objective: PolicyLane["objective"];
  readonly waitMet: boolean;
  readonly successMet: boolean;
}

/** The lanes of a replay, in the order of the policy. */
export function summarise(results: Results): LaneSummary[] {
  return byLane(
    results.laneNames,
    results.waitMs.length,
    (place) => results.lane[place]!,
    (place) => results.waitMs[place]!,
    (place) => results.reasons[results.reason[place]!]!,
  );
}

/** The lanes of a resource as they fared when they were recorded; `laneOf` names each recorded lane in a policy's words. */
export function summariseRecorded(
  arrivals: Arrivals,
  order: Uint32Array,
  laneOf: readonly string[],
  lanes: readonly string[],
): LaneSummary[] {
  const numbers = laneOf.map((name) => lanes.indexOf(name));
  return byLane(
    lanes,
    order.length,
    (place) => numbers[arrivals.lane[order[place]!]!]!,
    (place) => (arrivals.hasRun(order[place]!) ? arrivals.waitMs[order[place]!]! : -1),
    (place) => {
      const index = order[place]!;
      const outcome = arrivals.outcomeOf(index);
      return outcome === "cancelled" ? CANCELLED : arrivals.reasons.list[arrivals.reason[index]!] || outcome;
    },
  );
}

/** Beside what the policy wants of each lane. */
export function judge(summaries: readonly LaneSummary[], lanes: readonly PolicyLane[]): Judged[] {
  return summaries.map((summary) => {
    const { objective } = lanes.find(({ name }) => name === summary.lane)!;
    const wanted = summary.arrivals - summary.cancelled;
    const success = wanted === 0 ? 1 : summary.served / wanted;
    return {
      ...summary,
      objective,
      waitMet: summary.waitMs.p99 <= objective.waitMs,
      // Without an objective of its own for success a lane may shed: that is what lanes are for.
      successMet: objective.success === undefined || success >= objective.success,
    };
  });
}

function byLane(
  names: readonly string[],
  count: number,
  laneAt: (place: number) => number,
  waitAt: (place: number) => number,
  reasonAt: (place: number) => string,
): LaneSummary[] {
  const arrivals = names.map(() => 0);
  for (let place = 0; place < count; place++) arrivals[laneAt(place)]!++;
  const waits = arrivals.map((size) => new Float64Array(size));
  const served = names.map(() => 0);
  const reasons = names.map(() => new Map<string, number>());
  for (let place = 0; place < count; place++) {
    const lane = laneAt(place);
    const wait = waitAt(place);
    if (wait >= 0) waits[lane]![served[lane]!++] = wait;
    else {
      const reason = reasonAt(place);
      reasons[lane]!.set(reason, (reasons[lane]!.get(reason) ?? 0) + 1);
    }
  }
  return names.map((lane, number) => {
    const { [CANCELLED]: cancelled = 0, ...shedBy } = Object.fromEntries(reasons[number]!);
    const sorted = waits[number]!.subarray(0, served[number]).sort();
    return {
      lane,
      arrivals: arrivals[number]!,
      served: served[number]!,
      shed: arrivals[number]! - served[number]! - cancelled,
      cancelled,
      shedBy,
      waitMs: { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: sorted.at(-1) ?? 0 },
    };
  });
}

/** The smallest of the sorted values that at least this share of them does not exceed; 0 when there are none. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
