/** From a file without problems to a policy without gaps: every default filled in, every unit converted. */

import type { Cost, Percent } from "../core/options.ts";
import { parseCodePoint } from "./code-points.ts";
import type { PolicyDocument } from "./document.ts";
import { laneKubernetesOf } from "./lane-kubernetes.ts";
import type {
  AdaptiveEntry,
  BudgetFields,
  CallerEntry,
  FallbackEntry,
  LaneEntry,
  LaneFields,
  PolicyFile,
  ResourceEntry,
  RuleEntry,
} from "./file.ts";
import {
  adaptiveLimit,
  byLane,
  DEFAULT_IDLE_TIMEOUT_MS,
  defaultPolicy,
  laneOf,
  limitByDefault,
  retryOf,
} from "./policy.ts";
import type {
  AdaptivePolicyLimit,
  Fallback,
  Policy,
  PolicyBudgets,
  PolicyLane,
  PolicyResource,
  Rule,
  TrustedCaller,
} from "./policy.ts";
import { secrets } from "./secret.ts";
import { keyDigest } from "./trust.ts";
import { parseDuration, parsePercent, parseRate, parseSize } from "./units.ts";

/** Fills in `file`; `document` tells the lines of its rules. */
export function resolvePolicy(file: PolicyFile, document: PolicyDocument, name: string | undefined): Policy {
  const defaults = defaultPolicy();
  const lanes = file.lanes?.map(listedLane) ?? defaults.lanes;
  const { gateway, trust } = file;
  const resources: Record<string, PolicyResource> = {};
  for (const [key, entry] of Object.entries(file.resources ?? {}))
    resources[key] = resourceOf(key, entry, lanes);
  return {
    version: 1,
    lanes,
    defaultLane: file.defaultLane ?? defaultLaneOf(lanes),
    aging: agingOf(file.aging, defaults.aging),
    classify: (file.classify ?? []).map((rule, index) => ruleOf(rule, document.lineOf(["classify", index]))),
    flow: { header: file.flow?.header.toLowerCase() },
    trust: {
      header: (trust?.header ?? defaults.trust.header).toLowerCase(),
      callers: (trust?.callers ?? []).map(callerOf),
      forwardTo: (trust?.forwardTo ?? []).map((url) => new URL(url).origin),
    },
    resources,
    enforce: file.enforce ?? true,
    ...(file.network === undefined
      ? {}
      : { network: { profile: file.network.profile, checkQueue: file.network.checkQueue ?? true } }),
    gateway: {
      listen: gateway?.listen ?? defaults.gateway.listen,
      admin: gateway?.admin ?? defaults.gateway.admin,
      ...(gateway?.adminToken === undefined ? {} : { adminToken: secrets([gateway.adminToken])[0] }),
      probes: gateway?.probes,
      drainTimeoutMs: duration(gateway?.drainTimeout) ?? defaults.gateway.drainTimeoutMs,
      maxBodyBytes:
        gateway?.maxBody === undefined ? defaults.gateway.maxBodyBytes : parseSize(gateway.maxBody)!,
    },
    file: name,
  };
}

function listedLane(entry: LaneEntry): PolicyLane {
  const lane = refined(laneOf(entry.name), entry);
  const { wait, success } = entry.objective ?? {};
  const objective = {
    waitMs: duration(wait) ?? lane.objective.waitMs,
    success: fraction(success) ?? lane.objective.success,
  };
  return {
    ...lane,
    objective,
    exempt: entry.exempt ?? false,
    ...processFieldsOf(entry),
    ...networkOf(entry),
    ...kubernetesOf(entry),
  };
}

/** For the lane's processes; what is left out comes from the lane's name, where it is used. */
function processFieldsOf({ cpu, memory }: LaneEntry): Pick<PolicyLane, "cpu" | "memory"> {
  const { high, low, max, oomScoreAdj } = memory ?? {};
  const limits = { highBytes: bytes(high), lowBytes: bytes(low), maxBytes: bytes(max), oomScoreAdj };
  return { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory: limits }) };
}

/** For the lane's packets; what is left out comes from the lane's name and rank, where it is used. */
function networkOf({ network }: LaneEntry): Pick<PolicyLane, "network"> {
  if (network === undefined) return {};
  return { network: { dscp: parseCodePoint(network.dscp), share: fraction(network.share) } };
}

/** For the lane's pods; what is left out comes from the lane's name and rank, where it is used. */
function kubernetesOf({ kubernetes }: LaneEntry): Pick<PolicyLane, "kubernetes"> {
  return kubernetes === undefined ? {} : { kubernetes: laneKubernetesOf(kubernetes) };
}

function refined(lane: PolicyLane, fields: LaneFields): PolicyLane {
  return {
    ...lane,
    reservation: share(fields.reservation) ?? lane.reservation,
    lendable: share(fields.lendable) ?? lane.lendable,
    ceiling: share(fields.ceiling) ?? lane.ceiling,
    weight: fields.weight ?? lane.weight,
    timeoutMs: duration(fields.timeout) ?? lane.timeoutMs,
    queue: {
      max: fields.queue?.max ?? lane.queue.max,
      timeoutMs: duration(fields.queue?.timeout) ?? lane.queue.timeoutMs,
    },
    agingAfterMs: duration(fields.aging?.after) ?? lane.agingAfterMs,
  };
}

function resourceOf(name: string, entry: ResourceEntry, lanes: readonly PolicyLane[]): PolicyResource {
  const {
    upstream,
    provider = upstream === undefined ? undefined : "http",
    // Whatever may lack a limit has one by default: the checks came before.
    limit = limitByDefault(name, upstream)!,
    retry,
  } = entry;
  return {
    name,
    provider,
    upstream,
    limit: typeof limit === "number" ? limit : adaptiveOf(limit),
    order: entry.order ?? "strict",
    queue: { max: entry.queue?.max, whenFull: entry.queue?.whenFull ?? "reject" },
    memory: entry.memory ?? true,
    lanes: lanes.map((lane) => refined(lane, entry.lanes?.[lane.name] ?? {})),
    keys: secrets(entry.keys ?? []),
    laneKeys: byLane(entry.lanes, ({ keys }) => (keys === undefined ? undefined : secrets(keys))),
    budgets: entry.budgets === undefined ? undefined : budgetsOf(entry.budgets),
    retry: retryOf(provider, {
      ...(retry?.attempts === undefined ? {} : { attempts: retry.attempts }),
      ...(retry?.budget === undefined ? {} : { budget: fraction(retry.budget)! }),
      ...(retry?.plainHttp === undefined ? {} : { plainHttp: retry.plainHttp }),
    }),
    fallback: fallbackOf(entry.fallback),
    laneFallbacks: byLane(entry.lanes, ({ fallback }) => fallbackOf(fallback)),
    commitAfterMs: duration(entry.commitAfter),
    idleTimeoutMs: duration(entry.idleTimeout) ?? DEFAULT_IDLE_TIMEOUT_MS,
  };
}

function adaptiveOf(entry: "adaptive" | AdaptiveEntry): AdaptivePolicyLimit {
  if (entry === "adaptive") return adaptiveLimit({});
  const given: { min?: number; max?: number; start?: number } = {};
  for (const field of ["min", "max", "start"] as const)
    if (entry[field] !== undefined) given[field] = entry[field];
  return adaptiveLimit(given);
}

function budgetsOf({ models = {}, ...common }: NonNullable<ResourceEntry["budgets"]>): PolicyBudgets {
  return {
    ...ratesOf(common),
    models: Object.entries(models).map(([pattern, own]) => ({ pattern, ...ratesOf(own) })),
  };
}

function ratesOf(fields: BudgetFields): Cost {
  const rates: { requests?: number; inputTokens?: number; outputTokens?: number } = {};
  for (const kind of ["requests", "inputTokens", "outputTokens"] as const) {
    const rate = fields[kind];
    if (rate !== undefined) rates[kind] = parseRate(rate)!;
  }
  return rates;
}

function fallbackOf(entry: FallbackEntry | undefined): Fallback | undefined {
  if (entry === undefined) return undefined;
  return entry.resource === undefined ? { model: entry.model! } : { resource: entry.resource };
}

function agingOf(aging: PolicyFile["aging"], defaults: Policy["aging"]): Policy["aging"] {
  if (aging === false || defaults === false) return false;
  return {
    afterMs: duration(aging?.after) ?? defaults.afterMs,
    budget: fraction(aging?.budget) ?? defaults.budget,
  };
}

function ruleOf({ header, ...rule }: RuleEntry, line: number): Rule {
  const lower = Object.entries(header ?? {}).map(([name, pattern]) => [name.toLowerCase(), pattern] as const);
  return { ...rule, header: header === undefined ? undefined : Object.fromEntries(lower), line };
}

function callerOf({ key, cidr, flow, upTo }: CallerEntry): TrustedCaller {
  return { keyDigest: key === undefined ? undefined : keyDigest(key), cidr, flow, upTo };
}

/** The lane of what names none: `normal` where there is one, else the lowest that takes seats. */
function defaultLaneOf(lanes: readonly PolicyLane[]): string {
  const normal = lanes.find(({ name, exempt }) => name === "normal" && !exempt);
  return (normal ?? lanes.findLast(({ exempt }) => !exempt) ?? lanes.at(-1)!).name;
}

function duration(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

function bytes(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseSize(text);
}

function fraction(text: string | undefined): number | undefined {
  const percent = text === undefined ? undefined : parsePercent(text);
  // 99.9 / 100 is 0.9990000000000001 in binary; nobody writes more than ten decimals.
  return percent === undefined ? undefined : Number((percent / 100).toFixed(12));
}

function share(value: number | string | undefined): number | Percent | undefined {
  return value as number | Percent | undefined;
}
