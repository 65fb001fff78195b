/**
 * Prometheus rules for a policy. Burn rates are judged over two windows at once: a long one, so that it matters, and a
 * short one, so that it still goes on. Ratios are recorded first: each alert and each dashboard then reads the same one.
 */

import type { Policy } from "../../policy/policy.ts";
import { objectivesOf } from "./objectives.ts";
import type { Objective } from "./objectives.ts";
import { inTime, matchers, regex } from "./promql.ts";

/** A recorded series. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  /** Those that the series has anyway: without them two rules of one name look like one rule twice. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A condition that somebody should hear of. */
export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly description: string };
}

/** A file of rules, as Prometheus reads it. */
export interface RuleFile {
  readonly groups: readonly {
    readonly name: string;
    readonly rules: readonly (RecordingRule | AlertingRule)[];
  }[];
}

/** What the command line may say. */
export interface RuleOptions {
  /** Only what Prometheus scraped under this job name. */
  readonly scrapedAs?: string | undefined;
}

/** Of one lane of one resource of one service: what differs between its processes is added up. */
const BY = "by (job, resource, lane)";
const WINDOWS = ["5m", "30m", "1h", "6h"] as const;
/** How many times faster than allowed the error budget is used up: a thirty days' budget in two days, in five. */
const BURNS = [
  { speed: "fast", times: 14.4, long: "1h", short: "5m", for: "2m", severity: "critical" },
  { speed: "slow", times: 6, long: "6h", short: "30m", for: "15m", severity: "warning" },
] as const;
/** One failure at night is a large part of little traffic, and nothing to wake up for. */
const LEAST_BAD = 5;
/** The objective of a wait is its 99th percentile. */
const LATE_ALLOWED = 0.01;
const CLAIMS_MOST = 20;

/** All rules of a policy. */
export function ruleFile(policy: Policy, { scrapedAs }: RuleOptions = {}): RuleFile {
  const success = objectivesOf(policy.lanes, "success");
  const wait = objectivesOf(policy.lanes, "wait");
  return {
    groups: [
      {
        name: "laneway-ratios",
        rules: [
          ...success.flatMap((objective) => errorRatios(objective, scrapedAs)),
          ...wait.flatMap((objective) => inTimes(objective, scrapedAs)),
          waitQuantile(scrapedAs),
        ],
      },
      {
        name: "laneway-objectives",
        rules: [
          ...success.flatMap((objective) => burnAlerts(objective, scrapedAs)),
          ...wait.flatMap((objective) => burnAlerts(objective, scrapedAs)),
        ],
      },
      { name: "laneway-lanes", rules: laneAlerts(policy, scrapedAs) },
    ],
  };
}

function errorRatios({ lane }: Objective, scrapedAs: string | undefined): RecordingRule[] {
  const of = (more: string): string => matchers({ scrapedAs, lane }, more);
  const bad = (fn: string, window: string): string =>
    [
      `sum ${BY} (${fn}(laneway_admissions_total${of('outcome=~"rejected|evicted|timed_out"')}[${window}]))`,
      `sum ${BY} (${fn}(laneway_tasks_total${of('result="failed"')}[${window}]))`,
    ].join("\n  + ");
  return [
    ...WINDOWS.map((window) => ({
      record: `laneway:task_errors:ratio_rate${window}`,
      expr: `(\n    ${bad("rate", window)}\n)\n/ sum ${BY} (rate(laneway_admissions_total${of('outcome!="cancelled"')}[${window}]))`,
      labels: { lane },
    })),
    ...BURNS.map(({ long }) => ({
      record: `laneway:task_errors:increase${long}`,
      expr: bad("increase", long),
      labels: { lane },
    })),
  ];
}

function inTimes(objective: Objective, scrapedAs: string | undefined): RecordingRule[] {
  const { lane, target } = objective;
  const of = (more: string): string => matchers({ scrapedAs, lane }, more);
  const total = (fn: string, window: string): string =>
    `sum ${BY} (${fn}(laneway_queue_wait_seconds_count${of("")}[${window}]))`;
  const good = (fn: string, window: string): string =>
    inTime(target, (le) => `sum ${BY} (${fn}(laneway_queue_wait_seconds_bucket${of(le)}[${window}]))`);
  return [
    ...WINDOWS.map((window) => ({
      record: `laneway:late_waits:ratio_rate${window}`,
      expr: `1 - (\n    ${good("rate", window)}\n)\n/ ${total("rate", window)}`,
      labels: { lane },
    })),
    ...BURNS.map(({ long }) => ({
      record: `laneway:late_waits:increase${long}`,
      expr: `${total("increase", long)}\n- (\n    ${good("increase", long)}\n)`,
      labels: { lane },
    })),
  ];
}

function waitQuantile(scrapedAs: string | undefined): RecordingRule {
  const of = matchers({ scrapedAs }, "");
  return {
    record: "laneway:queue_wait_seconds:p95_5m",
    expr: `histogram_quantile(0.95, sum by (job, resource, lane, le) (rate(laneway_queue_wait_seconds_bucket${of}[5m])))`,
  };
}

function burnAlerts({ kind, lane, target }: Objective, scrapedAs: string | undefined): AlertingRule[] {
  const of = matchers({ scrapedAs, lane }, "");
  const allowed = kind === "success" ? Number((1 - target).toPrecision(6)) : LATE_ALLOWED;
  const series = kind === "success" ? "task_errors" : "late_waits";
  const objective =
    kind === "success"
      ? `${Number((target * 100).toPrecision(6))} % of its tasks served`
      : `99 % of its waits below ${target} s`;
  return BURNS.map(({ speed, times, long, short, for: wait, severity }) => ({
    alert: kind === "success" ? "LanewayTasksFail" : "LanewayWaitsTooLong",
    expr: [
      `laneway:${series}:ratio_rate${long}${of} > ${times} * ${allowed}`,
      `laneway:${series}:ratio_rate${short}${of} > ${times} * ${allowed}`,
      `laneway:${series}:increase${long}${of} >= ${LEAST_BAD}`,
    ].join("\nand\n"),
    for: wait,
    labels: { severity, speed, lane },
    annotations: {
      summary: `Lane {{ $labels.lane }} of {{ $labels.resource }} misses its objective: ${objective}`,
      description:
        kind === "success"
          ? `{{ $value | humanizePercentage }} of its tasks failed or were refused in the last ${long}. laneway_shed_total tells why: lane-full and queue ask for more seats or a larger reservation, failed tasks are the upstream's.`
          : `{{ $value | humanizePercentage }} of its waits in the last ${long} were longer. Give the lane a larger reservation, the resource a higher limit, or the lanes above it less.`,
    },
  }));
}

function laneAlerts(policy: Policy, scrapedAs: string | undefined): AlertingRule[] {
  const lanes = policy.lanes.filter(({ exempt }) => !exempt).map(({ name }) => name);
  return [
    ...inversion(lanes, scrapedAs),
    starvation(lanes, scrapedAs),
    ...limitPinned(policy, scrapedAs),
    ...claimsAboveTrust(policy, scrapedAs),
  ];
}

function inversion(lanes: readonly string[], scrapedAs: string | undefined): AlertingRule[] {
  const lowest = lanes.at(-1);
  if (lowest === undefined || lanes.length < 2) return [];
  const p95 = "laneway:queue_wait_seconds:p95_5m";
  const higher = matchers({ scrapedAs }, `lane=~"${lanes.slice(0, -1).map(regex).join("|")}"`);
  const objective = `max ${BY} (laneway_objective_wait_seconds${higher})`;
  return [
    {
      alert: "LanewayPriorityInversion",
      expr: [
        `${p95}${higher} > on (job, resource) group_left () ${p95}${matchers({ scrapedAs, lane: lowest }, "")}`,
        `${p95}${higher} > on (job, resource, lane) ${objective}`,
      ].join("\nand\n"),
      for: "5m",
      labels: { severity: "critical" },
      annotations: {
        summary: `Lane {{ $labels.lane }} of {{ $labels.resource }} waits longer than ${lowest}`,
        description: `The 95th percentile of its waits is {{ $value | humanizeDuration }}, above its objective and above that of the lowest lane. Either requests are in the wrong lane (laneway explain), or more is asked of this lane than its reservation gives while others are within theirs.`,
      },
    },
  ];
}

function starvation(lanes: readonly string[], scrapedAs: string | undefined): AlertingRule {
  const seats = matchers({ scrapedAs }, `lane=~"${lanes.map(regex).join("|")}"`);
  const admitted = matchers({ scrapedAs }, `lane=~"${lanes.map(regex).join("|")}",outcome="admitted"`);
  const each = "job, instance, resource, lane";
  return {
    alert: "LanewayStarvation",
    expr: [
      `sum by (${each}) (min_over_time(laneway_queue_depth${seats}[10m])) > 0`,
      `sum by (${each}) (increase(laneway_admissions_total${admitted}[10m])) == 0`,
    ].join("\nand\n"),
    for: "1m",
    labels: { severity: "critical" },
    annotations: {
      summary: "Nothing of lane {{ $labels.lane }} of {{ $labels.resource }} has started for 10 minutes",
      description:
        "{{ $value }} tasks wait. Either what holds the seats does not end (laneway_run_seconds, laneway_overdue_total), or a budget is used up or paused (laneway_budget_waiting, laneway_budget_paused), or aging is off and the lanes above take everything.",
    },
  };
}

function limitPinned({ resources }: Policy, scrapedAs: string | undefined): AlertingRule[] {
  if (!Object.values(resources).some(({ limit }) => typeof limit === "object")) return [];
  const each = "job, instance, resource";
  const of = matchers({ scrapedAs }, "");
  const waits = `sum by (${each}) (laneway_queue_depth${of}) > 0`;
  const rule = (bound: "min" | "max", compares: string, why: string): AlertingRule => ({
    alert: "LanewayLimitPinned",
    expr: [
      `laneway_limit${of} ${compares} on (${each}) group_left (bound) laneway_limit_bound${matchers({ scrapedAs }, `bound="${bound}"`)}`,
      waits,
    ].join(`\nand on (${each})\n`),
    for: "10m",
    labels: { severity: "warning", bound },
    annotations: {
      summary: `The limit of {{ $labels.resource }} has stood at its ${bound} of {{ $value }} seats for 10 minutes, and tasks wait`,
      description: why,
    },
  });
  return [
    rule("max", ">=", "It would learn a higher one: raise limit.max if what is behind it can take more."),
    rule(
      "min",
      "<=",
      "What is behind it is in trouble, or it answers more slowly than a limit can help: look at laneway_run_seconds, and at the reason in /api/snapshot.",
    ),
  ];
}

function claimsAboveTrust({ lanes }: Policy, scrapedAs: string | undefined): AlertingRule[] {
  const pairs = lanes.flatMap(({ name: claimed }, rank) => {
    const lower = lanes.slice(rank + 1).map(({ name }) => regex(name));
    if (lower.length === 0) return [];
    const of = matchers({ scrapedAs }, `claimed=${JSON.stringify(claimed)},granted=~"${lower.join("|")}"`);
    return [`sum by (job, claimed, granted) (increase(laneway_lane_claims_total${of}[15m]))`];
  });
  if (pairs.length === 0) return [];
  return [
    {
      alert: "LanewayClaimsAboveTrust",
      expr: `(\n    ${pairs.join("\n  or ")}\n) > ${CLAIMS_MOST}`,
      for: "5m",
      labels: { severity: "warning" },
      annotations: {
        summary: "Clients claim lane {{ $labels.claimed }} and are given {{ $labels.granted }}",
        description:
          "{{ $value | humanize }} requests in 15 minutes. Either a caller is missing in trust.callers, or its upTo is too low, or somebody helps himself; the records tell which flow.",
      },
    },
  ];
}
