import { parseObjective } from "../scenario/objective.ts";
import type { LaneResult } from "./result.ts";

/** A time that the p99 of a lane must stay below, and the phase in which; undefined is all of them. */
export interface P99Level {
  readonly ms: number;
  readonly during: string | undefined;
}

/** The levels that a lane promised for its p99, read from its objectives as they were written. */
export function p99Levels(lane: LaneResult): P99Level[] {
  return lane.objectives.flatMap(({ objective }) => {
    const parsed = parseObjective(objective);
    if (parsed === undefined || parsed.metric.kind !== "latency" || parsed.metric.quantile !== 0.99)
      return [];
    const { bound, during } = parsed;
    if ("level" in bound) return [{ ms: bound.level, during }];
    const before = lane.phases?.find(({ phase }) => phase === bound.phase)?.latencyMs;
    if (before === undefined || before.count === 0 || !Number.isFinite(before.p99)) return [];
    return [{ ms: before.p99 * bound.times + bound.plusMs, during }];
  });
}
