/**
 * Where requests go: each resource that has an upstream, with its connections. Rebuilt whenever the policy in force is
 * another one; connections to an origin that stays are kept.
 */

import { buildConnector, Pool } from "undici";
import { markedConnector } from "../adapters/dscp/dispatcher.ts";
import { Traffic } from "../calls/traffic.ts";
import type { Resource } from "../node/resource.ts";
import { budgetClass } from "../policy/budgets.ts";
import { fallbackOf } from "../policy/fallback.ts";
import type { Laneway } from "../policy/laneway.ts";
import type { Fallback, Policy, PolicyLane, PolicyResource } from "../policy/policy.ts";
import { PROVIDERS } from "../providers/known.ts";
import type { Provider } from "../providers/provider.ts";
import { HiddenKey, hides } from "./hidden-key.ts";
import type { GatewayMarks } from "./marks.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const REPLY_HEADERS_MAX_BYTES = 65_536;

/**
 * How long an idle connection is kept when the upstream does not say. Plain HTTP: less than the 5 s after which Node
 * and uvicorn servers close theirs. TLS costs two more round trips to set up again, and public APIs keep theirs for
 * minutes.
 */
const IDLE_MS = { "http:": 4_000, "https:": 55_000 } as const;

/** What the connections of a pool have in common, for those that are made with a mark. */
const MARKED = { timeout: CONNECT_TIMEOUT_MS, allowH2: false } as const;

/** A resource that requests can be forwarded to. */
export interface Upstream {
  readonly name: string;
  readonly provider: Provider;
  readonly resource: Resource;
  /** For calls of this lane: all of them use the same connections, unless what is sent on them carries marks. */
  connectionsFor(lane: string): Pool;
  /** What the upstream's URL puts before each path: `""` or `/base`. */
  readonly basePath: string;
  /** Its origin and base path. */
  readonly url: string;
  readonly settings: PolicyResource;
  /** False in shadow mode: what is decided here holds nobody to anything. */
  readonly enforced: boolean;
  readonly lanes: ReadonlyMap<string, PolicyLane>;
  /** Budgets, keys and retries; undefined where calls cost nothing but a seat and are tried once. */
  readonly traffic: Traffic | undefined;
  /** Our keys for calls of this lane; none: they go up with their caller's credential. */
  keysOf(lane: string): readonly string[];
  /** The same key, as replies are searched for it. */
  hiddenOf(key: string): HiddenKey;
  /** Overwrites our keys in bytes that a client will see. */
  hide(bytes: Buffer): void;
  /** The headers without those that show a key of ours. */
  hideHeaders(headers: string[]): string[];
}

/** Where a request goes next. */
export interface Next {
  readonly upstream: Upstream;
  /** The model to ask for instead; undefined: the client's own. */
  readonly model: string | undefined;
  /** For the reply's header and the metrics. */
  readonly named: string;
}

interface KnownTraffic {
  /** All that it was made from. */
  readonly of: string;
  readonly resource: Resource;
  readonly traffic: Traffic;
}

/** The upstreams of the policy in force, and which of them a request goes to. */
export class Upstreams {
  private readonly laneway: Laneway;
  private readonly marks: GatewayMarks;
  /** By origin; those whose packets are marked by origin and mark. */
  private readonly pools = new Map<string, Pool>();
  /** What was learned of an upstream outlives a reload that does not concern it. */
  private traffics = new Map<string, KnownTraffic>();
  /** Pools that no resource has any more, until what was accepted for them is over. */
  private readonly retired = new Set<Pool>();
  private policy: Policy | undefined;
  private byName = new Map<string, Upstream>();
  private readsModels = false;
  private claims = "";

  constructor(laneway: Laneway, marks: GatewayMarks) {
    this.laneway = laneway;
    this.marks = marks;
    this.follow();
  }

  /** Whether some rule asks for the model, so that bodies must be read before the lane is known. */
  get needModel(): boolean {
    this.follow();
    return this.readsModels;
  }

  /** The header that carries claims, lower-case. */
  get claimHeader(): string {
    this.follow();
    return this.claims;
  }

  named(name: string): Upstream | undefined {
    this.follow();
    return this.byName.get(name);
  }

  /** Where a request goes that no rule sends anywhere: by its shape, else to `http`, else to the only one there is. */
  byShape(provider: Provider | undefined): Upstream | undefined {
    this.follow();
    const own = provider === undefined ? undefined : this.first(provider);
    if (own !== undefined) return own;
    const http = this.byName.get("http") ?? this.first(PROVIDERS.http);
    if (http !== undefined) return http;
    return this.byName.size === 1 ? this.byName.values().next().value : undefined;
  }

  /**
   * Where a request of this lane goes that this upstream could not serve. `asked` is the model that it names, `given` the
   * one that it was given instead already.
   */
  fallback(
    upstream: Upstream,
    lane: string,
    asked: string | undefined,
    given: string | undefined,
  ): Next | undefined {
    this.follow();
    const fallback = fallbackOf(upstream.settings, lane);
    if (fallback === undefined) return undefined;
    if (fallback.resource === undefined) {
      // One other model, not a model for each that fails; and a call that names none can be given none.
      const isOther = given === undefined && asked !== undefined && asked !== fallback.model;
      return isOther ? { upstream, model: fallback.model, named: fallback.model } : undefined;
    }
    const other = this.byName.get(fallback.resource);
    return other === undefined ? undefined : { upstream: other, model: given, named: other.name };
  }

  async close(): Promise<void> {
    await Promise.all([...this.pools.values(), ...this.retired].map((pool) => pool.destroy()));
  }

  private first(provider: Provider): Upstream | undefined {
    for (const upstream of this.byName.values()) if (upstream.provider === provider) return upstream;
    return undefined;
  }

  /** Compares one reference when nothing changed, so that each request can ask. */
  private follow(): void {
    const { policy } = this.laneway;
    if (policy === this.policy) return;
    this.policy = policy;
    this.readsModels = policy.classify.some((rule) => rule.model !== undefined);
    this.claims = policy.trust.header.toLowerCase();
    this.byName = new Map();
    const origins = new Set<string>();
    const traffics = this.traffics;
    this.traffics = new Map();
    for (const settings of Object.values(policy.resources)) {
      const upstream = this.upstreamOf(settings, origins, traffics.get(settings.name));
      if (upstream !== undefined) this.byName.set(upstream.name, upstream);
    }
    for (const [key, pool] of this.pools) {
      if (origins.has(key.split(" ", 1)[0]!)) continue;
      this.pools.delete(key);
      this.retire(pool, policy.gateway.drainTimeoutMs);
    }
  }

  /** Requests that wait for their turn at a resource that is gone still need its connections. */
  private retire(pool: Pool, afterMs: number): void {
    this.retired.add(pool);
    const close = (): void => {
      this.retired.delete(pool);
      // Waits for the calls that are under way.
      void pool.close();
    };
    setTimeout(close, afterMs).unref();
  }

  private upstreamOf(
    settings: PolicyResource,
    origins: Set<string>,
    before: KnownTraffic | undefined,
  ): Upstream | undefined {
    if (settings.upstream === undefined) return undefined;
    const url = new URL(settings.upstream);
    origins.add(url.origin);
    const provider = PROVIDERS[settings.provider ?? "http"];
    const keys = settings.keys.map((key) => key.reveal());
    const laneKeys = new Map(
      Object.entries(settings.laneKeys).map(([lane, own]) => [lane, own.map((key) => key.reveal())]),
    );
    const hidden = new Map(
      [...keys, ...[...laneKeys.values()].flat()].map((key) => [key, new HiddenKey(key)]),
    );
    const basePath = url.pathname.replace(/\/+$/, "");
    return {
      name: settings.name,
      provider,
      resource: this.laneway.resource(settings.name),
      connectionsFor: this.connectionsTo(url),
      basePath,
      url: url.origin + basePath,
      settings,
      enforced: this.laneway.policy.enforce,
      lanes: new Map(settings.lanes.map((lane) => [lane.name, lane])),
      traffic: needsTraffic(settings, this.laneway.policy)
        ? this.trafficOf(settings, provider, before)
        : undefined,
      keysOf: (lane) => laneKeys.get(lane) ?? keys,
      hiddenOf: (key) => hidden.get(key) ?? new HiddenKey(key),
      hide(bytes) {
        for (const key of hidden.values()) key.mask(bytes);
      },
      hideHeaders: (headers) => [...hidden.values()].reduce((kept, key) => hides(key, kept), headers),
    };
  }

  private trafficOf(settings: PolicyResource, provider: Provider, before: KnownTraffic | undefined): Traffic {
    const { name, budgets, retry } = settings;
    const keys = settings.keys.map((key) => key.reveal());
    const laneKeys = Object.fromEntries(
      Object.entries(settings.laneKeys).map(([lane, own]) => [lane, own.map((key) => key.reveal())]),
    );
    const of = JSON.stringify([provider.name, retry, keys, laneKeys, budgets?.models.map((m) => m.pattern)]);
    const resource = this.laneway.resource(name);
    const known = before?.of === of && before.resource === resource ? before : undefined;
    const entry = known ?? {
      of,
      resource,
      traffic: new Traffic(resource, provider, {
        keys,
        laneKeys,
        retry,
        classOf: (model) => budgetClass(budgets, model),
      }),
    };
    this.traffics.set(name, entry);
    return entry.traffic;
  }

  private connectionsTo(url: URL): (lane: string) => Pool {
    const unmarked = this.poolOf(url, 0);
    if (this.laneway.policy.network === undefined) return () => unmarked;
    return (lane) => this.poolOf(url, this.marks.tos(lane));
  }

  private poolOf(url: URL, tos: number): Pool {
    const key = tos === 0 ? url.origin : `${url.origin} ${tos}`;
    const known = this.pools.get(key);
    if (known !== undefined) return known;
    // As many connections as there are seats: the resource's limit is the bound, and one here would be a second queue.
    // No time-outs of undici's own either: a model may think for longer than its default of 300 s.
    const pool = new Pool(url.origin, {
      connections: null,
      pipelining: 1,
      allowH2: false,
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...(tos === 0 ? {} : { connect: markedConnector({ buildConnector }, MARKED, tos) }),
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS[url.protocol === "https:" ? "https:" : "http:"],
      maxHeaderSize: REPLY_HEADERS_MAX_BYTES,
    });
    this.pools.set(key, pool);
    return pool;
  }
}

function needsTraffic(settings: PolicyResource, { resources }: Policy): boolean {
  const { provider = "http", retry, budgets } = settings;
  if (provider !== "http" || budgets !== undefined || retry.attempts > 1) return true;
  if (fallbacksOf(settings).length > 0) return true;
  // What another falls back to gets calls with a plan.
  return Object.values(resources).some((other) =>
    fallbacksOf(other).some(({ resource }) => resource === settings.name),
  );
}

function fallbacksOf({ fallback, laneFallbacks }: PolicyResource): readonly Fallback[] {
  const ofLanes = Object.values(laneFallbacks);
  return fallback === undefined ? ofLanes : [fallback, ...ofLanes];
}
