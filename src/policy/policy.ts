/**
 * A policy: what one file says, fully resolved. Every default is filled in, every duration is milliseconds, every size
 * bytes, every share of time a fraction; nothing here needs the reader of the file any more. YAML and zod are loaded on
 * the first call of `parsePolicy` or `loadPolicy`, so that a program without a policy file pays for neither.
 */

import { limitOptions } from "../core/limit/limit-options.ts";
import { DEFAULT_LANES, laneDefaults } from "../core/options.ts";
import type { Cost, LaneState, Percent } from "../core/options.ts";
import { floorSeats } from "../core/seats.ts";
import type { LaneKubernetes } from "./lane-kubernetes.ts";
import { secrets } from "./secret.ts";
import type { Secret } from "./secret.ts";

/** One lane, with all of its defaults. The list is ordered, most important first. */
export interface PolicyLane {
  readonly name: string;
  /** Seats, or a percentage of a resource's limit. */
  readonly reservation: number | Percent;
  /** Seats, or a percentage of the reservation. */
  readonly lendable: number | Percent;
  /** Seats, or a percentage of the limit; undefined means the whole limit. */
  readonly ceiling: number | Percent | undefined;
  readonly weight: number;
  readonly timeoutMs: number;
  readonly queue: { readonly max: number; readonly timeoutMs: number };
  /** What the lane is meant to achieve: the 99th percentile of its waits, and the fraction of its tasks that is served. */
  readonly objective: { readonly waitMs: number; readonly success: number | undefined };
  /** The age past which a waiter may be picked out of turn; undefined means the policy's `aging.afterMs`. */
  readonly agingAfterMs: number | undefined;
  readonly exempt: boolean;
  /** Set by an operator for a time; undefined is open. No file says it. */
  readonly state?: LaneState | undefined;
  /** What its processes get of the processor, where it is not what the name gives. */
  readonly cpu?: LaneProcessor | undefined;
  /** What its processes get of memory, where it is not what the name gives. */
  readonly memory?: LaneMemory | undefined;
  /** What its packets get, where it is not what the name and the rank give. */
  readonly network?: LaneNetwork | undefined;
  /** What its pods get in a cluster, where it is not what the name and the rank give. */
  readonly kubernetes?: LaneKubernetes | undefined;
}

/** The processor for the processes of a lane. */
export interface LaneProcessor {
  /** From -20 to 19; below 0 it raises, which takes rights. */
  readonly nice?: number | undefined;
  /** From 1 to 10000, 100 being any process's; `idle`: what nobody else needs. */
  readonly weight?: number | "idle" | undefined;
}

/** Memory for all processes of a lane together. */
export interface LaneMemory {
  /** Beyond it they are slowed down. */
  readonly highBytes?: number | undefined;
  /** Up to it their memory is taken last. */
  readonly lowBytes?: number | undefined;
  /** Beyond it they are ended. */
  readonly maxBytes?: number | undefined;
  /** From -1000 to 1000: the highest is ended first when memory runs out. */
  readonly oomScoreAdj?: number | undefined;
}

/** The network for the packets of a lane. */
export interface LaneNetwork {
  /** The mark of its packets, a code point from 0 to 63. */
  readonly dscp?: number | undefined;
  /** The part of the link that a queue guarantees it: a fraction from 0.01 to 1. */
  readonly share?: number | undefined;
}

/** The marks of packets. */
export interface PolicyNetwork {
  /** Which marks lanes have by name. */
  readonly profile: "safe" | "rfc4594";
  /** False: marks are set although this host's queues are not ready for them. */
  readonly checkQueue: boolean;
}

/** One line of `classify`: all conditions that are given must hold. */
export interface Rule {
  readonly lane: string;
  readonly resource?: string | undefined;
  readonly path?: string | undefined;
  readonly method?: string | undefined;
  /** Patterns by lower-case header name. */
  readonly header?: Readonly<Record<string, string>> | undefined;
  readonly model?: string | undefined;
  readonly host?: string | undefined;
  /** Where the rule stands in the file; undefined for a policy made in code. */
  readonly line?: number | undefined;
}

/** Somebody whose claims count, known by a key or by an address range. Exactly one of `keyDigest` and `cidr` is set. */
export interface TrustedCaller {
  /** `keyDigest(key)`: the key itself is not kept, so that no dump of a policy can show it. */
  readonly keyDigest?: string | undefined;
  readonly cidr?: string | undefined;
  readonly flow?: string | undefined;
  /** The highest lane that a claim of this caller may reach; undefined: its claims raise nothing. */
  readonly upTo?: string | undefined;
}

/** The protocols that an upstream can speak. */
export type Provider = "http" | "anthropic" | "openai";

/**
 * Rate allowances, each a number per minute, for every key and class of models. A kind that is left out is unlimited;
 * one that a pattern leaves out is as for all models.
 */
export interface PolicyBudgets extends Cost {
  /** Patterns for models, the first that matches counts. All models of one pattern share its budgets. */
  readonly models: readonly (Cost & { readonly pattern: string })[];
}

/** Where a call goes that its resource cannot serve: to another resource, or to another model of the same one. */
export type Fallback =
  | { readonly resource: string; readonly model?: undefined }
  | { readonly model: string; readonly resource?: undefined };

/** How often a call is tried in all, and which part of a lane's traffic may be repeats: a fraction from 0 to 1. */
export interface PolicyRetry {
  readonly attempts: number;
  readonly budget: number;
  /** Idempotent methods of plain HTTP are tried again too. */
  readonly plainHttp: boolean;
}

/** A limit that is learned, within these bounds. */
export interface AdaptivePolicyLimit {
  readonly adaptive: true;
  readonly min: number;
  readonly max: number;
  /** Seats to begin with. */
  readonly start: number;
}

/** One shared thing with a limit. */
export interface PolicyResource {
  readonly name: string;
  /** Undefined: the program uses the resource itself, and the gateway does not route to it. */
  readonly provider: Provider | undefined;
  /** Where the gateway forwards to: an http or https URL. Set when `provider` is. */
  readonly upstream: string | undefined;
  readonly limit: number | AdaptivePolicyLimit;
  readonly order: "strict" | "weighted";
  readonly queue: { readonly max: number | undefined; readonly whenFull: "reject" | "evict" };
  /** Whether newcomers of low lanes are refused while memory runs out. */
  readonly memory: boolean;
  /** All lanes of the policy, as this resource refines them. */
  readonly lanes: readonly PolicyLane[];
  /** Keys for the upstream, which share the load; none: the caller's own credential passes. */
  readonly keys: readonly Secret[];
  /** Lanes by name that have keys of their own. */
  readonly laneKeys: Readonly<Record<string, readonly Secret[]>>;
  readonly budgets: PolicyBudgets | undefined;
  readonly retry: PolicyRetry;
  readonly fallback: Fallback | undefined;
  /** Lanes by name that have a fallback of their own. */
  readonly laneFallbacks: Readonly<Record<string, Fallback>>;
  /** After so long a waiting stream is answered 200 and kept warm; undefined: never. */
  readonly commitAfterMs: number | undefined;
  /** A reply that has begun is cut after so long without a byte. */
  readonly idleTimeoutMs: number;
}

/** Where the gateway listens, and its bounds. Addresses are `host:port`. */
export interface PolicyGateway {
  readonly listen: string;
  /** False: no admin port. */
  readonly admin: string | false;
  /** What operators who change something must know; without it the admin port is read-only. */
  readonly adminToken?: Secret | undefined;
  readonly probes: string | undefined;
  readonly drainTimeoutMs: number;
  readonly maxBodyBytes: number;
}

/** A whole policy. Make one with `loadPolicy`, `parsePolicy` or `defaultPolicy`. */
export interface Policy {
  readonly version: 1;
  readonly lanes: readonly PolicyLane[];
  readonly defaultLane: string;
  /** `budget` is a fraction of the seat-time, from 0 to 1. */
  readonly aging: { readonly afterMs: number; readonly budget: number } | false;
  readonly classify: readonly Rule[];
  readonly flow: { readonly header: string | undefined };
  readonly trust: {
    readonly header: string;
    readonly callers: readonly TrustedCaller[];
    /** Origins such as `http://billing.internal` that are told a call's lane and remaining deadline. Default: none. */
    readonly forwardTo?: readonly string[] | undefined;
  };
  readonly resources: Readonly<Record<string, PolicyResource>>;
  readonly enforce: boolean;
  /** Undefined: packets are not marked. */
  readonly network?: PolicyNetwork | undefined;
  readonly gateway: PolicyGateway;
  /** The file it was read from, as it was named. */
  readonly file: string | undefined;
}

/** What an upstream's limit is when the policy gives none. */
export const DEFAULT_UPSTREAM_LIMIT = 100;

/** The resource that requests to the program itself need, where no rule names another. */
export const OWN_REQUESTS = "http";

/**
 * The limit of a resource that gives none: what the program's own requests need is learned, for it is the program's own
 * machine that it depends on; undefined where it must be given.
 */
export function limitByDefault(name: string, upstream: unknown): number | AdaptivePolicyLimit | undefined {
  if (upstream !== undefined) return DEFAULT_UPSTREAM_LIMIT;
  return name === OWN_REQUESTS ? adaptiveLimit({}) : undefined;
}

/** A policy that names no resource bounds the requests to the program itself: one line protects a service. */
export function withOwnRequests(policy: Policy): Policy {
  return Object.keys(policy.resources).length > 0 ? policy : withResource(policy, { name: OWN_REQUESTS });
}

/** Every field of an adaptive limit: what is not given comes from the defaults, kept within what is. */
export function adaptiveLimit(given: Partial<AdaptivePolicyLimit>): AdaptivePolicyLimit {
  return { adaptive: true, ...limitOptions("limit", { ...given, adaptive: true }) };
}

/** The seats that a resource begins with: a limit that is learned stays above the floors that are given as seats. */
export function seatsAtStart({ limit, lanes }: Pick<PolicyResource, "limit" | "lanes">): number {
  if (typeof limit === "number") return limit;
  const floors = lanes.reduce(
    (sum, { reservation, lendable }) =>
      typeof reservation === "number" ? sum + floorSeats(reservation, lendable) : sum,
    0,
  );
  return Math.min(limit.max, Math.max(limit.start, floors + 1));
}

/** How long a reply that has begun may be silent when the policy does not say. */
export const DEFAULT_IDLE_TIMEOUT_MS = 300_000;

/** What an empty file means: the five lanes, no rules, no resources but the one that a `Laneway` adds. */
export function defaultPolicy(): Policy {
  return {
    version: 1,
    lanes: Object.entries(DEFAULT_LANES).map(([name, row]) => ({
      ...laneOf(name),
      reservation: row.reservation,
    })),
    defaultLane: "normal",
    aging: { afterMs: 30_000, budget: 0.05 },
    classify: [],
    flow: { header: undefined },
    trust: { header: "x-priority", callers: [], forwardTo: [] },
    resources: {},
    enforce: true,
    gateway: {
      listen: "127.0.0.1:8080",
      admin: "127.0.0.1:8081",
      probes: undefined,
      drainTimeoutMs: 30_000,
      maxBodyBytes: 32 * 1024 * 1024,
    },
    file: undefined,
  };
}

/** A lane that is listed with nothing but its name: no reservation, all else from its name. */
export function laneOf(name: string): PolicyLane {
  const row = laneDefaults(name);
  return {
    name,
    reservation: 0,
    lendable: row.lendable,
    ceiling: undefined,
    weight: 1,
    timeoutMs: row.timeoutMs,
    queue: { max: row.queueMax, timeoutMs: row.queueTimeoutMs },
    objective: { waitMs: row.objectiveWaitMs, success: name === "critical" ? 0.999 : undefined },
    agingAfterMs: undefined,
    exempt: false,
  };
}

/** A resource for `withResource`; what is left out is as in a file. */
export interface NewResource {
  readonly name: string;
  readonly provider?: Provider;
  readonly upstream?: string;
  readonly limit?: number | ({ readonly adaptive: true } & Partial<AdaptivePolicyLimit>);
  readonly keys?: readonly (string | Secret)[];
  readonly laneKeys?: Readonly<Record<string, readonly (string | Secret)[]>>;
  readonly budgets?: Cost & Partial<Pick<PolicyBudgets, "models">>;
  readonly retry?: Partial<PolicyRetry>;
  readonly fallback?: Fallback;
  readonly laneFallbacks?: Readonly<Record<string, Fallback>>;
  readonly commitAfterMs?: number;
  readonly idleTimeoutMs?: number;
}

/**
 * The policy with one more resource, on all of its lanes; a resource of that name is replaced.
 *
 * @example
 * withResource(defaultPolicy(), { name: "http", provider: "http", upstream: "http://127.0.0.1:3000" })
 */
export function withResource(policy: Policy, resource: NewResource): Policy {
  const { name, upstream, budgets } = resource;
  const limit = resource.limit ?? limitByDefault(name, upstream) ?? DEFAULT_UPSTREAM_LIMIT;
  const provider = resource.provider ?? (upstream === undefined ? undefined : "http");
  const whole: PolicyResource = {
    name,
    provider,
    upstream,
    limit: typeof limit === "number" ? limit : adaptiveLimit(limit),
    order: "strict",
    queue: { max: undefined, whenFull: "reject" },
    memory: true,
    lanes: policy.lanes,
    keys: secrets(resource.keys ?? []),
    laneKeys: byLane(resource.laneKeys, secrets),
    budgets: budgets === undefined ? undefined : { models: [], ...budgets },
    retry: retryOf(provider, resource.retry ?? {}),
    fallback: resource.fallback,
    laneFallbacks: byLane(resource.laneFallbacks, (fallback) => fallback),
    commitAfterMs: resource.commitAfterMs,
    idleTimeoutMs: resource.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS,
  };
  return { ...policy, resources: { ...policy.resources, [name]: whole } };
}

/** One value for each lane that has one. Without a prototype: a lane may be called `constructor`. */
export function byLane<From, To>(
  entries: Readonly<Record<string, From>> | undefined,
  to: (entry: From) => To | undefined,
): Readonly<Record<string, To>> {
  const lanes: Record<string, To> = Object.create(null);
  for (const [lane, entry] of Object.entries(entries ?? {})) {
    const found = to(entry);
    if (found !== undefined) lanes[lane] = found;
  }
  return lanes;
}

/** Calls of AI models are tried three times, plain HTTP once unless it is asked for more. */
export function retryOf(provider: Provider | undefined, given: Partial<PolicyRetry>): PolicyRetry {
  const { plainHttp = false, budget = 0.1 } = given;
  const repeats = provider === "anthropic" || provider === "openai" || plainHttp;
  return { attempts: given.attempts ?? (repeats ? 3 : 1), budget, plainHttp };
}

/**
 * Reads a policy from text. `env` fills in `${VAR}`, by default from `process.env`.
 *
 * Rejects with a `PolicyError` that holds every problem of the text, in the order of its lines.
 *
 * @example
 * const policy = await parsePolicy("resources: { main-db: { limit: 50 } }");
 */
export async function parsePolicy(
  text: string,
  options: { readonly file?: string; readonly env?: Readonly<Record<string, string | undefined>> } = {},
): Promise<Policy> {
  const { readPolicy } = await import("./read.ts");
  return readPolicy(text, options.file, options.env ?? process.env);
}

/**
 * Reads a policy from a file.
 *
 * Rejects with a `PolicyError` when the policy is wrong, and with the error of the file system when it cannot be read.
 *
 * @example
 * const laneway = new Laneway(await loadPolicy("laneway.yaml"));
 */
export async function loadPolicy(
  file: string,
  options: { readonly env?: Readonly<Record<string, string | undefined>> } = {},
): Promise<Policy> {
  const { readFile } = await import("node:fs/promises");
  return parsePolicy(await readFile(file, "utf8"), { ...options, file });
}
