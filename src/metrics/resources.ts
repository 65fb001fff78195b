/** What is measured of whole resources, and of the claims that requests make. */

import type { BudgetSnapshot, ResourceMeasures, ResourceSnapshot } from "../core/snapshot.ts";
import type { Policy, PolicyBudgets } from "../policy/policy.ts";
import { counter, gauge } from "./family.ts";
import type { NumberFamily, Sample } from "./family.ts";

/** Requests that claimed one lane and were given one. */
export interface ClaimCounted {
  /** The lane that was asked for; "unknown" for a claim that names none. */
  readonly claimed: string;
  readonly granted: string;
  readonly count: number;
}

/** A resource as it was read. */
interface ResourceState {
  readonly snapshot: ResourceSnapshot;
  readonly measures: ResourceMeasures;
}

const KINDS = ["requests", "inputTokens", "outputTokens"] as const;
type Kind = (typeof KINDS)[number];

/** Limits, their bounds, and budgets. */
export function resourceFamilies(policy: Policy, resources: readonly ResourceState[]): NumberFamily[] {
  const each = (value: (resource: ResourceSnapshot) => number): Sample[] =>
    resources.map(({ snapshot }) => ({ labels: { resource: snapshot.name }, value: value(snapshot) }));
  return [
    gauge(
      "laneway_limit",
      "Seats of the resource.",
      each(({ limit }) => limit),
    ),
    gauge("laneway_limit_bound", "The least and the most seats of a limit that is learned.", bounds(policy)),
    gauge(
      "laneway_draining",
      "Whether the resource refuses newcomers for good.",
      each(({ draining }) => (draining ? 1 : 0)),
    ),
    gauge("laneway_budget_per_minute", "What the smallest budget of a kind gets in a minute.", [
      ...resources.flatMap(({ snapshot }) => perMinute(snapshot, policy)),
    ]),
    gauge(
      "laneway_budget_left_ratio",
      "What is left of the rate budget that is nearest to its end, by kind: 0 to 1.",
      resources.flatMap(({ snapshot }) => leastLeft(snapshot, policy)),
    ),
    counter(
      "laneway_budget_used_total",
      "Requests and tokens that ended attempts have used.",
      resources.flatMap((resource) => used(resource, policy)),
    ),
    gauge(
      "laneway_budget_waiting",
      "Tasks that wait for a budget.",
      withBudgets(resources, policy, ({ budgets }) => sum(budgets, ({ waiting }) => waiting)),
    ),
    gauge(
      "laneway_budget_paused",
      "Budgets that nobody may use for now, because their upstream said so.",
      withBudgets(resources, policy, ({ budgets }) => sum(budgets, ({ pausedMs }) => (pausedMs > 0 ? 1 : 0))),
    ),
  ];
}

const UNKNOWN = "unknown";

/** The urgencies of a `Priority` header. */
const URGENCY = /^u=[0-7]$/;

/** Every lane that can be claimed and every lane that can be given, at 0 from the start. */
export function claimFamily(policy: Policy, counted: Iterable<ClaimCounted>): NumberFamily {
  const names = policy.lanes.map(({ name }) => name);
  const counts = new Map<string, ClaimCounted>();
  const add = (claimed: string, granted: string, count: number): void => {
    const key = `${claimed}\n${granted}`;
    counts.set(key, { claimed, granted, count: count + (counts.get(key)?.count ?? 0) });
  };
  for (const claimed of [...names, UNKNOWN]) for (const granted of names) add(claimed, granted, 0);
  for (const { claimed, granted, count } of counted)
    add(names.includes(claimed) || URGENCY.test(claimed) ? claimed : UNKNOWN, granted, count);
  return counter(
    "laneway_lane_claims_total",
    "Lanes claimed by clients, and the lane given.",
    [...counts.values()].map(({ claimed, granted, count }) => ({
      labels: { claimed, granted },
      value: count,
    })),
  );
}

function bounds({ resources }: Policy): Sample[] {
  return Object.values(resources).flatMap(({ name: resource, limit }) =>
    typeof limit === "number"
      ? []
      : [
          { labels: { resource, bound: "min" }, value: limit.min },
          { labels: { resource, bound: "max" }, value: limit.max },
        ],
  );
}

/** The kinds that the policy limits, or that something has limited since. */
function kindsOf({ name, budgets }: ResourceSnapshot, policy: Policy): Kind[] {
  const given: PolicyBudgets | undefined = policy.resources[name]?.budgets;
  return KINDS.filter(
    (kind) =>
      given?.[kind] !== undefined ||
      given?.models.some((model) => model[kind] !== undefined) === true ||
      budgets.some((budget) => budget[kind] !== undefined),
  );
}

function perMinute(resource: ResourceSnapshot, policy: Policy): Sample[] {
  return kindsOf(resource, policy).flatMap((kind) => {
    const given = policy.resources[resource.name]?.budgets;
    const sizes = [
      given?.[kind],
      ...(given?.models ?? []).map((model) => model[kind]),
      ...resource.budgets.map((budget) => budget[kind]?.perMinute),
    ].filter((size) => size !== undefined);
    return [{ labels: { resource: resource.name, kind }, value: Math.min(...sizes) }];
  });
}

/** The least of all keys and models: their names come from clients, and no label may. */
function leastLeft(resource: ResourceSnapshot, policy: Policy): Sample[] {
  return kindsOf(resource, policy).map((kind) => {
    const ratios = resource.budgets.map((budget) => leftRatio(budget, kind));
    return { labels: { resource: resource.name, kind }, value: Math.min(1, ...ratios) };
  });
}

function leftRatio(budget: BudgetSnapshot, kind: Kind): number {
  const allowance = budget[kind];
  return allowance === undefined ? 1 : Math.max(0, allowance.left / allowance.perMinute);
}

function used({ snapshot, measures }: ResourceState, policy: Policy): Sample[] {
  const { name: resource } = snapshot;
  return kindsOf(snapshot, policy).flatMap((kind) =>
    measures.lanes.map((lane) => ({ labels: { resource, lane: lane.name, kind }, value: lane.used[kind] })),
  );
}

function withBudgets(
  resources: readonly ResourceState[],
  policy: Policy,
  value: (resource: ResourceSnapshot) => number,
): Sample[] {
  return resources.flatMap(({ snapshot }) =>
    kindsOf(snapshot, policy).length === 0
      ? []
      : [{ labels: { resource: snapshot.name }, value: value(snapshot) }],
  );
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
