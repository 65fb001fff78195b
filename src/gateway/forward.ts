/**
 * Step three: the upstream call. The request passes with its own bytes; the call is aborted when the client leaves or the
 * lane's time-out passes before the first byte of a reply.
 */

import type { Cost } from "../core/options.ts";
import type { Permit } from "../core/permit.ts";
import { toldLines } from "../calls/forwarding.ts";
import type { Told } from "../calls/forwarding.ts";
import type { CallPlan } from "../calls/traffic.ts";
import { forwardedDeadlineMs } from "../policy/forwarded.ts";
import { forwardToOf } from "../policy/forward-to.ts";
import type { Call } from "./call.ts";
import type { Route } from "./classify.ts";
import { Exchange } from "./exchange.ts";
import type { TryEnd } from "./exchange.ts";
import { requestHeaders } from "./headers.ts";
import type { IdleWatch } from "./idle.ts";
import { ownUrls } from "./own-urls.ts";
import { hasBody, Upload } from "./upload.ts";

export interface ForwardOptions {
  /** The header that carries claims, lower-case: never passed on. */
  readonly claimHeader: string;
  /** Whether the client should not use its connection again. */
  readonly lastReply: () => boolean;
  readonly idle: IdleWatch;
  /** Undefined for a call that is tried once and costs nothing but a seat. */
  readonly plan: CallPlan | undefined;
  /** The body to send instead of the client's own. */
  readonly body: Buffer | undefined;
  readonly extraHeaders: readonly string[];
}

/** A try that is under way. */
export interface Forwarded {
  /**
   * Settles when the try is over: rejects with what went wrong. When it rejects before the reply began, nothing was sent
   * to the client yet.
   */
  readonly end: Promise<TryEnd>;
  /** What it used, once it is over: for `Actual.cost`. */
  cost(whole: boolean): Cost | undefined;
}

/**
 * The key to send; undefined only where callers bring their own. A permit that was charged to no budget of the plan's (in
 * shadow mode, or under a policy that has changed meanwhile) must not let the caller's credential through instead.
 */
function keyFor({ upstream, classification }: Route, plan: CallPlan, permit: Permit): string | undefined {
  return plan.keyOf(permit) ?? upstream.keysOf(classification.lane)[0];
}

/** Whether the policy lets this upstream know; both sides are origins as a `URL` writes them. */
function isTold({ resource, url }: Route["upstream"]): boolean {
  for (const origin of forwardToOf(resource))
    if (url.startsWith(origin) && (url.length === origin.length || url[origin.length] === "/")) return true;
  return false;
}

/** The lane that the request has here, and the time it has left: here, or where it came from if that is less. */
function toldOf(call: Call, { upstream }: Route, { lane }: Permit): Told {
  const { provider } = upstream;
  const lanesMs = upstream.enforced ? (upstream.lanes.get(lane)?.timeoutMs ?? Infinity) : Infinity;
  const clientsMs = provider.clientTimeoutMs((name) => call.header(name)) ?? Infinity;
  const ms = Math.min(lanesMs, clientsMs, forwardedDeadlineMs(call) ?? Infinity);
  return { lane, deadline: ms === Infinity ? undefined : call.startedAt + ms };
}

const NO_USAGE = (): undefined => undefined;

/** Replies of these tell what they used. */
const TELLS_USAGE: ReadonlySet<string> = new Set(["generate", "embed"]);

export function forward(call: Call, route: Route, permit: Permit, options: ForwardOptions): Forwarded {
  const { upstream } = route;
  const { plan } = options;
  const { provider, settings } = upstream;
  const key = plan === undefined ? undefined : keyFor(route, plan, permit);
  const readsUsage = plan !== undefined && plan.isLimited && TELLS_USAGE.has(plan.kind);
  const rewrite = provider.rewritesUrls(call.method, call.pathname)
    ? ownUrls(call, upstream.url, provider.publicHost)
    : undefined;
  const headers = requestHeaders(call.req, {
    tellClient: provider.tellsClient,
    claimHeader: options.claimHeader,
    clientAddress: call.remoteAddress,
    credentials: key === undefined ? undefined : provider.credentialHeaders,
    credential: key === undefined ? undefined : provider.keyHeader(key, (name) => call.header(name)),
    // What is read here must not come compressed, and neither must what is searched for a key of ours.
    plain: key !== undefined || readsUsage || rewrite !== undefined,
    length: options.body?.length,
    told: isTold(upstream) ? toldLines(toldOf(call, route, permit)) : undefined,
  });
  let exchange: Exchange;
  const end = new Promise<TryEnd>((resolve, reject) => {
    const body = options.body ?? call.body;
    const upload = body === undefined && hasBody(call.req) ? new Upload(call) : undefined;
    exchange = new Exchange(
      {
        call,
        permit,
        upstream: upstream.name,
        upload,
        extraHeaders: options.extraHeaders,
        lastReply: options.lastReply,
        idle: options.idle,
        idleTimeoutMs: settings.idleTimeoutMs,
        hidden: key === undefined ? undefined : upstream.hiddenOf(key),
        onHead: plan === undefined ? undefined : (status, header) => plan.replied(permit, status, header),
        usageReader: readsUsage ? (contentType) => provider.usageReader(contentType) : NO_USAGE,
        rewrite,
      },
      resolve,
      reject,
    );
    const path = upstream.basePath + call.path;
    upstream
      .connectionsFor(permit.lane)
      .dispatch({ method: call.method, path, headers, body: body ?? upload ?? null }, exchange);
  });
  return { end, cost: (whole) => plan?.used(exchange.usage(whole)) };
}
