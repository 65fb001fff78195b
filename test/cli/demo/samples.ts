import type { LaneSnapshot, ResourceSnapshot } from "../../../src/core/snapshot.ts";
import type { Sample, StreamResult } from "../../../src/verify/load/result.ts";

/** A lane's snapshot with everything at rest but what a test sets. */
export function laneSnapshot(name: string, facts: Partial<LaneSnapshot> = {}): LaneSnapshot {
  const none = { p50: 0, p95: 0, p99: 0 };
  return {
    name,
    waiting: 0,
    oldestMs: 0,
    running: 0,
    seats: 0,
    reservation: 0,
    floor: 0,
    ceiling: 8,
    waitMs: none,
    runMs: none,
    throughputPerMinute: 0,
    admitted: 0,
    finished: 0,
    failed: 0,
    rejected: 0,
    evicted: 0,
    timedOut: 0,
    cancelled: 0,
    reasons: {},
    ...facts,
  };
}

/** A resource's snapshot made of its lanes. */
export function resourceSnapshot(lanes: readonly LaneSnapshot[]): ResourceSnapshot {
  const sum = (count: (lane: LaneSnapshot) => number): number =>
    lanes.reduce((total, lane) => total + count(lane), 0);
  return {
    name: "claude",
    limit: 8,
    seatsInUse: sum((lane) => lane.running),
    waiting: sum((lane) => lane.waiting),
    draining: false,
    budgets: [],
    lanes,
  };
}

/** A call that was served after so long a wait. */
export function served(dueMs: number, waitMs: number): Sample {
  return { dueMs, latencyMs: waitMs + 200, outcome: "served", status: 200, waitMs, lane: "critical" };
}

/** A stream's result in which every call was served after the same wait, but what a test sets. */
export function streamResult(
  name: string,
  calls: number,
  waitMs: number,
  facts: Partial<StreamResult> = {},
): StreamResult {
  const spread = (ms: number): StreamResult["waitMs"] => ({
    count: calls,
    p50: ms,
    p90: ms,
    p99: ms,
    max: ms,
    mean: ms,
  });
  return {
    name,
    sent: calls,
    skipped: 0,
    served: calls,
    refused: 0,
    failed: 0,
    pending: 0,
    latencyMs: spread(waitMs + 200),
    waitMs: spread(waitMs),
    lastServedAtMs: 18_000,
    lanes: {},
    errors: [],
    ...facts,
  };
}
