/** What a client is told instead of a reply: status, headers and body, whichever framework writes them. */

import { serializeList } from "structured-headers";
import { isLanewayError } from "../core/errors.ts";
import type { LanewayError } from "../core/errors.ts";
import type { Resource } from "../core/resource.ts";
import { PROVIDERS } from "../providers/known.ts";
import type { RefusalKind } from "../providers/provider.ts";
import { printable, refusalKindOf, retryAfterSeconds } from "../providers/refusal-kind.ts";
import { asPage } from "./page.ts";

/** What an error is on the wire; "internal" for everything that is neither a refusal nor an upstream's. */
export function kindOfError(error: unknown): RefusalKind {
  return isLanewayError(error) ? refusalKindOf(error, "internal") : "internal";
}

/** Whole seconds for `retry-after`; undefined when coming back is pointless. */
export function returnSeconds({ retryAfterMs }: LanewayError): number | undefined {
  return retryAfterMs === undefined ? undefined : retryAfterSeconds(retryAfterMs);
}

/**
 * Adds the draft standard's two fields: the lane's seats as a quota of concurrent requests, none of them left, to be
 * asked for again in so many seconds.
 */
export function pushRateLimit(headers: string[], resource: Resource, lane: string, seconds: number): void {
  const seats = ceilingOf(resource, lane);
  if (seats === undefined) return;
  const name = printable(lane);
  headers.push(
    "ratelimit-policy",
    serializeList([
      [
        name,
        new Map<string, string | number>([
          ["q", seats],
          ["qu", "concurrent-requests"],
        ]),
      ],
    ]),
    "ratelimit",
    serializeList([
      [
        name,
        new Map([
          ["r", 0],
          ["t", seconds],
        ]),
      ],
    ]),
  );
}

/** How long a ceiling that was looked up counts: a snapshot costs too much for each of thousands of refusals. */
const CEILING_MS = 1_000;
const ceilings = new WeakMap<Resource, { readonly at: number; readonly seats: Map<string, number> }>();

function ceilingOf(resource: Resource, lane: string): number | undefined {
  const now = performance.now();
  let known = ceilings.get(resource);
  if (known === undefined || now - known.at >= CEILING_MS) {
    const seats = new Map(resource.snapshot().lanes.map(({ name, ceiling }) => [name, ceiling]));
    ceilings.set(resource, (known = { at: now, seats }));
  }
  return known.seats.get(lane);
}

/** A refusal, ready to be written: headers as `[name, value, name, value, …]`. */
export interface RefusalReply {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

/** What a refused request tells beside its error. */
export interface Refused {
  readonly resource: Resource;
  readonly requestId: string;
  /** The `accept` header: a browser gets a page. */
  readonly accept: string | undefined;
  /** Whether replies say which lane they had. */
  readonly tellsLane: boolean;
}

/** The reply to a request that got no seat, or whose time was up before it was answered. */
export function refusalReply(error: LanewayError, refused: Refused): RefusalReply {
  const { lane } = error;
  const { requestId } = refused;
  const seconds = returnSeconds(error);
  const kind = kindOfError(error);
  const refusal = { kind, message: error.message, requestId, code: error.code, reason: error.reason, lane };
  const problem = PROVIDERS.http.refusal(refusal);
  const reply = asksForPage(refused.accept) ? asPage(problem, requestId, seconds) : problem;
  const headers = [
    "content-type",
    reply.contentType,
    "content-length",
    `${Buffer.byteLength(reply.body)}`,
    // A page that tells of this moment must not be kept for the next.
    "cache-control",
    "no-store",
    "laneway-request-id",
    requestId,
  ];
  if (refused.tellsLane) {
    if (lane !== undefined) headers.push("laneway-lane", printable(lane));
    headers.push("laneway-wait-ms", Math.round(error.waitMs).toString());
  }
  if (seconds !== undefined) {
    headers.push("retry-after", `${seconds}`);
    if (lane !== undefined) pushRateLimit(headers, refused.resource, lane, seconds);
  }
  return { status: reply.status, headers, body: reply.body };
}

/** A browser that is going to show the reply names HTML; a program that takes anything does not. */
function asksForPage(accept: string | undefined): boolean {
  return (
    accept !== undefined &&
    accept.length < 1_024 &&
    /\btext\/html\b(?!\s*;\s*q=0(?:\.0*)?(?:,|;|\s|$))/i.test(accept)
  );
}
