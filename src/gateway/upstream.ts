/**
 * Where requests go: each resource that has an upstream, with its connections. Rebuilt whenever the policy in force is
 * another one; connections to an origin that stays are kept.
 */

import { Pool } from "undici";
import type { Resource } from "../node/resource.ts";
import type { Laneway } from "../policy/laneway.ts";
import type { Policy, PolicyResource } from "../policy/policy.ts";
import { PROVIDERS } from "./providers/known.ts";
import type { Provider } from "./providers/provider.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const REPLY_HEADERS_MAX_BYTES = 65_536;

/**
 * How long an idle connection is kept when the upstream does not say. Plain HTTP: less than the 5 s after which Node
 * and uvicorn servers close theirs. TLS costs two more round trips to set up again, and public APIs keep theirs for
 * minutes.
 */
const IDLE_MS = { "http:": 4_000, "https:": 55_000 } as const;

/** A resource that requests can be forwarded to. */
export interface Upstream {
  readonly name: string;
  readonly provider: Provider;
  readonly resource: Resource;
  readonly connections: Pool;
  /** What the upstream's URL puts before each path: `""` or `/base`. */
  readonly basePath: string;
}

/** The upstreams of the policy in force, and which of them a request goes to. */
export class Upstreams {
  private readonly laneway: Laneway;
  private readonly pools = new Map<string, Pool>();
  private policy: Policy | undefined;
  private byName = new Map<string, Upstream>();
  private readsModels = false;
  private claims = "";

  constructor(laneway: Laneway) {
    this.laneway = laneway;
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

  async close(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.destroy()));
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
    for (const settings of Object.values(policy.resources)) {
      const upstream = this.upstreamOf(settings, origins);
      if (upstream !== undefined) this.byName.set(upstream.name, upstream);
    }
    for (const [origin, pool] of this.pools) {
      if (origins.has(origin)) continue;
      this.pools.delete(origin);
      // Waits for the calls that are under way.
      void pool.close();
    }
  }

  private upstreamOf(settings: PolicyResource, origins: Set<string>): Upstream | undefined {
    if (settings.upstream === undefined) return undefined;
    const url = new URL(settings.upstream);
    origins.add(url.origin);
    return {
      name: settings.name,
      provider: PROVIDERS[settings.provider ?? "http"],
      resource: this.laneway.resource(settings.name),
      connections: this.poolOf(url),
      basePath: url.pathname.replace(/\/+$/, ""),
    };
  }

  private poolOf(url: URL): Pool {
    const known = this.pools.get(url.origin);
    if (known !== undefined) return known;
    // As many connections as there are seats: the resource's limit is the bound, and one here would be a second queue.
    // No time-outs of undici's own either: a model may think for longer than its default of 300 s.
    const pool = new Pool(url.origin, {
      connections: null,
      pipelining: 1,
      allowH2: false,
      connectTimeout: CONNECT_TIMEOUT_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS[url.protocol === "https:" ? "https:" : "http:"],
      maxHeaderSize: REPLY_HEADERS_MAX_BYTES,
    });
    this.pools.set(url.origin, pool);
    return pool;
  }
}
