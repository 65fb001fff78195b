/** Counters that add up, at rest and beside each other: snapshot, measures, and what `/metrics` says. */

import type { Resource } from "../../src/core/resource.ts";
import type { LaneSnapshot, ResourceSnapshot } from "../../src/core/snapshot.ts";
import type { Round } from "./part.ts";

/** What a lane was offered, by its own count. */
export function offeredTo({ admitted, waiting, ...lane }: LaneSnapshot): number {
  return admitted + neverStarted({ admitted, waiting, ...lane }) + waiting;
}

/** Tasks that ended before they began. */
export function neverStarted({ rejected, evicted, timedOut, cancelled }: LaneSnapshot): number {
  return rejected + evicted + timedOut + cancelled;
}

/** A sum over all lanes of a resource. */
export function sumOf({ lanes }: ResourceSnapshot, count: (lane: LaneSnapshot) => number): number {
  return lanes.reduce((sum, lane) => sum + count(lane), 0);
}

/** A resource at rest: every seat back, nobody waits, and what was admitted has ended. */
export function judgeCounters(round: Round, resource: Pick<Resource, "snapshot" | "measures">): void {
  const snapshot = resource.snapshot();
  const { name, seatsInUse, waiting, lanes, budgets } = snapshot;
  round.expect(seatsInUse === 0, `${name}: ${seatsInUse} seats are in use at rest`);
  round.expect(waiting === 0, `${name}: ${waiting} tasks wait at rest`);
  for (const lane of lanes) {
    const at = `${name}, lane ${lane.name}`;
    const { admitted, finished, failed, running, seats } = lane;
    round.expect(running + seats === 0, `${at}: ${running} tasks run at rest, on ${seats} seats`);
    round.expect(
      admitted === finished + failed,
      `${at}: admitted ${admitted}, but ${finished} finished and ${failed} failed`,
    );
  }
  for (const budget of budgets)
    round.expect(budget.waiting === 0, `${name}: ${budget.waiting} wait for budget "${budget.name}" at rest`);
  for (const { name: lane, durations } of resource.measures().lanes) {
    const admitted = lanes.find((one) => one.name === lane)?.admitted ?? 0;
    round.expect(
      durations.count === admitted,
      `${name}, lane ${lane}: ${admitted} were admitted, but ${durations.count} durations were measured`,
    );
  }
}

/** A resource comes to rest, or it does not: what it says of itself then is judged by `judgeCounters`. */
export function isAtRest({ seatsInUse, waiting, lanes }: ResourceSnapshot): boolean {
  return seatsInUse + waiting + lanes.reduce((sum, lane) => sum + lane.running, 0) === 0;
}

const SAMPLE = /^(laneway_\w+)\{([^}]*)\} (\S+)/gm;

/** The page of `/metrics` says what the snapshots say. */
export function judgeMetrics(round: Round, page: string, resources: readonly ResourceSnapshot[]): void {
  const told = new Map<string, number>();
  for (const [, name, labels, value] of page.matchAll(SAMPLE)) told.set(keyOf(name!, labels!), Number(value));
  for (const { name: resource, lanes } of resources)
    for (const lane of lanes)
      for (const [name, label, value, count] of expected(lane)) {
        const key = keyOf(name, `resource="${resource}",lane="${lane.name}"${label}="${value}"`);
        const found = told.get(key);
        round.expect(found === count, `/metrics says ${found} of ${key}, the snapshot ${count}`);
      }
}

function expected(lane: LaneSnapshot): (readonly [string, string, string, number])[] {
  const { admitted, rejected, evicted, timedOut, cancelled, finished, failed } = lane;
  const outcomes = { admitted, rejected, evicted, timed_out: timedOut, cancelled };
  return [
    ...Object.entries(outcomes).map(
      ([outcome, count]) => ["laneway_admissions_total", ",outcome", outcome, count] as const,
    ),
    ["laneway_tasks_total", ",result", "finished", finished],
    ["laneway_tasks_total", ",result", "failed", failed],
  ];
}

/** Labels in one order, whichever the page has. */
function keyOf(name: string, labels: string): string {
  return `${name}{${labels.split(",").sort().join(",")}}`;
}
