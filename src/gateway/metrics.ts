/** The gateway's numbers in Prometheus' text format. Every label value comes from the policy or from a closed list. */

import type { LaneSnapshot, ResourceSnapshot } from "../core/snapshot.ts";
import type { Counters } from "./report.ts";

type Labels = Readonly<Record<string, string>>;

/** One metric with its samples; a metric without any is left out. */
function metric(
  name: string,
  type: "counter" | "gauge",
  help: string,
  samples: readonly (readonly [Labels, number])[],
): string {
  if (samples.length === 0) return "";
  const lines = samples.map(([labels, value]) => `${name}${labelText(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelText(labels: Labels): string {
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",")}}`;
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}

/** All metrics of a snapshot, and what the gateway itself counted. */
export function metricsText(
  { resources }: { readonly resources: readonly ResourceSnapshot[] },
  counters: Counters,
): string {
  return laneMetrics(resources) + resourceMetrics(resources) + counted(counters);
}

function laneMetrics(resources: readonly ResourceSnapshot[]): string {
  const perLane = (
    samplesOf: (lane: LaneSnapshot) => readonly (readonly [Labels, number])[],
  ): (readonly [Labels, number])[] =>
    resources.flatMap(({ name: resource, lanes }) =>
      lanes.flatMap((lane) =>
        samplesOf(lane).map(([labels, value]) => [{ resource, lane: lane.name, ...labels }, value] as const),
      ),
    );
  return [
    metric("laneway_admissions_total", "counter", "Tasks by how their admission ended.", perLane(admissions)),
    metric(
      "laneway_tasks_total",
      "counter",
      "Admitted tasks by how they ended.",
      perLane(({ finished, failed }) => [
        [{ result: "finished" }, finished],
        [{ result: "failed" }, failed],
      ]),
    ),
    metric(
      "laneway_shed_total",
      "counter",
      "Refused tasks by reason.",
      perLane(({ reasons }) =>
        Object.entries(reasons).map(([reason, count]) => [{ reason }, count] as const),
      ),
    ),
    metric(
      "laneway_queue_depth",
      "gauge",
      "Tasks waiting now.",
      perLane(({ waiting }) => [[{}, waiting]]),
    ),
    metric(
      "laneway_seats_in_use",
      "gauge",
      "Seats held now.",
      perLane(({ seats }) => [[{}, seats]]),
    ),
  ].join("");
}

function resourceMetrics(resources: readonly ResourceSnapshot[]): string {
  return [
    metric(
      "laneway_limit",
      "gauge",
      "Seats of the resource.",
      resources.map(({ name: resource, limit }) => [{ resource }, limit]),
    ),
    metric(
      "laneway_budget_left_ratio",
      "gauge",
      "What is left of the rate budget that is nearest to its end, by kind: 0 to 1.",
      resources.flatMap((resource) => leastLeft(resource)),
    ),
  ].join("");
}

function counted(counters: Counters): string {
  return [
    metric(
      "laneway_lane_claims_total",
      "counter",
      "Lanes claimed by clients, and the lane given.",
      [...counters.claims.values()].map(({ claimed, granted, count }) => [{ claimed, granted }, count]),
    ),
    metric(
      "laneway_upstream_failures_total",
      "counter",
      "Upstream calls that brought no whole reply, by reason.",
      [...counters.upstreamFailures.values()].map(({ resource, reason, count }) => [
        { resource, reason },
        count,
      ]),
    ),
    metric(
      "laneway_retries_total",
      "counter",
      "Upstream calls made again at the task's own place, by what had gone wrong.",
      [...counters.retries.values()].map(({ resource, reason, count }) => [{ resource, reason }, count]),
    ),
    metric(
      "laneway_fallbacks_total",
      "counter",
      "Requests served by the fallback of a resource.",
      [...counters.fallbacks.values()].map(({ resource, to, count }) => [{ resource, to }, count]),
    ),
  ].join("");
}

/** The least of all keys and models: their names come from clients, and no label may. */
function leastLeft({ name: resource, budgets }: ResourceSnapshot): (readonly [Labels, number])[] {
  const least = new Map<string, number>();
  for (const budget of budgets) {
    for (const kind of ["requests", "inputTokens", "outputTokens"] as const) {
      const allowance = budget[kind];
      if (allowance === undefined) continue;
      const ratio = Math.max(0, allowance.left / allowance.perMinute);
      least.set(kind, Math.min(least.get(kind) ?? 1, ratio));
    }
  }
  return [...least].map(([kind, ratio]) => [{ resource, kind }, ratio] as const);
}

function admissions({
  admitted,
  rejected,
  evicted,
  timedOut,
  cancelled,
}: LaneSnapshot): readonly (readonly [Labels, number])[] {
  return Object.entries({ admitted, rejected, evicted, timed_out: timedOut, cancelled }).map(
    ([outcome, count]) => [{ outcome }, count] as const,
  );
}
