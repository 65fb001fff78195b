/** What a load measured, as the report has it. */

import type { LanePhase, LaneResult, LaneSecond } from "../report/result.ts";
import type { Scenario, ScenarioLane } from "../scenario/scenario.ts";
import type { LoadResult } from "./crew.ts";
import { judge, timesOf } from "./judge.ts";
import type { LaneTally } from "./tally.ts";

/** A curve needs its tail: a thousandth apart at the end, a fiftieth before. */
const SHARES: readonly number[] = [
  ...Array.from({ length: 49 }, (_, at) => (at + 1) / 50),
  ...[0.985, 0.99, 0.993, 0.995, 0.997, 0.998, 0.999, 0.9995, 0.9999, 1],
];

/** Later than this at the 99th percentile, and the generator's own lateness is part of what was measured. */
const LAG_MAX_MS = 5;
/** Without any lane reached for so long at the end, the service is gone. */
const GONE_SECONDS = 2;

/** One lane of the report. */
export function laneResult(
  scenario: Scenario,
  lane: ScenarioLane,
  tally: LaneTally,
  share: { readonly got: number; readonly due?: number },
): LaneResult {
  const offered = tally.total("offered");
  const served = tally.total("served");
  const refused = tally.total("refused");
  const failed = tally.total("failed");
  const unsent = tally.total("unsent");
  const latency = timesOf(tally.phases, "latency");
  return {
    lane: lane.name,
    offered,
    served,
    refused,
    failed,
    unanswered: offered - served - refused - failed - unsent,
    unsent,
    returns: tally.returns,
    latencyMs: latency.spread(),
    waitMs: timesOf(tally.phases, "wait").spread(),
    firstByteMs: tally.firstByte.spread(),
    distribution: latency.distribution(SHARES),
    seconds: tally.seconds.map((second, at) => laneSecond(second, at)),
    phases: scenario.phases.map(({ name }, at): LanePhase => {
      const phase = tally.phases[at]!;
      const { offered: asked, served: got } = phase;
      return { phase: name, offered: asked, served: got, latencyMs: phase.latency.spread() };
    }),
    share,
    objectives: lane.objectives.map((objective) => judge(objective, tally, scenario.phases)),
    errors: [...tally.errors]
      .sort(([, one], [, other]) => other - one)
      .map(([why, count]) => (count === 1 ? why : `${why} (${count} times)`)),
  };
}

function laneSecond(second: LaneTally["seconds"][number], at: number): LaneSecond {
  const { offered, served, refused, failed, latency } = second;
  const counts = { fromMs: at * 1_000, offered, served, refused, failed };
  return latency === undefined
    ? counts
    : { ...counts, p50: latency.quantile(0.5), p99: latency.quantile(0.99) };
}

/** Why nothing can be concluded from a load; empty for a valid one. */
export function whyInvalid({ lanes, lag, stalls }: LoadResult, inFlightMax: number): string[] {
  const why: string[] = [];
  const lateMs = lag.quantile(0.99);
  const stalledMs = stalls.quantile(0.99);
  if (lateMs > LAG_MAX_MS)
    why.push(
      `the generator was late: calls were sent up to ${ms(lateMs)} after they were due (p99; at most ${LAG_MAX_MS} ms). ` +
        "Lower --rate, add --workers, or give it a processor of its own",
    );
  else if (stalledMs > LAG_MAX_MS)
    why.push(
      `the generator stalled: it was up to ${ms(stalledMs)} late to look at replies (p99; at most ${LAG_MAX_MS} ms). ` +
        "Add --workers, or give it a processor of its own",
    );
  const unsent = lanes.reduce((sum, tally) => sum + tally.total("unsent"), 0);
  if (unsent > 0) why.push(unsentBecause(unsent, lanes, inFlightMax));
  const lost = goneFrom(lanes);
  if (lost !== undefined) why.push(`the service was gone from ${lost} s on: ${mainError(lanes)}`);
  return why;
}

function unsentBecause(unsent: number, lanes: readonly LaneTally[], inFlightMax: number): string {
  const own = lanes
    .flatMap(({ errors }) => [...errors.keys()])
    .find((error) => /EMFILE|EADDRNOTAVAIL|ENOBUFS/.test(error));
  const because =
    own ??
    `more than ${inFlightMax} were in flight. Lower --rate, or set timeout or inFlight in the scenario`;
  return `${unsent} calls were not sent: ${because}`;
}

/** The second from which on nothing was reached any more, if that is how it ended. */
function goneFrom(lanes: readonly LaneTally[]): number | undefined {
  const seconds = lanes[0]?.seconds.length ?? 0;
  const unreached = lanes.reduce((sum, tally) => sum + tally.unreached, 0);
  if (unreached === 0) return undefined;
  let from = seconds;
  let asked = 0;
  for (let at = seconds - 1; at >= 0; at--) {
    const sum = (count: "offered" | "failed"): number =>
      lanes.reduce((total, { seconds: all }) => total + all[at]![count], 0);
    if (sum("offered") > sum("failed")) break;
    from = at;
    asked += sum("offered");
  }
  return seconds - from >= Math.min(GONE_SECONDS, seconds) && asked > 0 ? from : undefined;
}

/** The reason of most failures. */
function mainError(lanes: readonly LaneTally[]): string {
  const counts = lanes.flatMap(({ errors }) => [...errors]).sort(([, one], [, other]) => other - one);
  return counts[0]?.[0] ?? "no reply";
}

function ms(value: number): string {
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} ms`;
}
