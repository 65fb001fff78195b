/** What a client is told instead of a reply: status, headers and body, whichever framework writes them. */

import { serializeList } from "structured-headers";
import { isLanewayError } from "../core/errors.ts";
import type { LanewayCode, LanewayError, LanewayReason } from "../core/errors.ts";
import type { Resource } from "../core/resource.ts";
import { PROVIDERS } from "../providers/known.ts";
import type { RefusalKind } from "../providers/provider.ts";
import { asPage } from "./page.ts";

/** Longer than this some clients do not obey; shorter than a second the header cannot say. */
const RETRY_AFTER_S = { min: 1, max: 59 } as const;

const BY_CODE: Readonly<Record<LanewayCode, RefusalKind>> = {
  LANEWAY_REJECTED: "full",
  LANEWAY_EVICTED: "full",
  LANEWAY_TIMEOUT: "waited",
  LANEWAY_DEADLINE: "deadline",
  LANEWAY_DRAINING: "draining",
  LANEWAY_DEADLOCK: "deadlock",
  LANEWAY_UPSTREAM: "upstream",
  LANEWAY_INVALID: "internal",
};

/** Reasons that look different on the wire from the rest of their code. */
const BY_REASON: Readonly<Partial<Record<LanewayReason, RefusalKind>>> = {
  "flow-share": "flow-share",
  task: "timeout",
};

/** What an error is on the wire; "internal" for everything that is neither a refusal nor an upstream's. */
export function kindOfError(error: unknown): RefusalKind {
  return isLanewayError(error) ? (BY_REASON[error.reason] ?? BY_CODE[error.code]) : "internal";
}

/** Whole seconds for `retry-after`, within what clients obey; undefined when coming back is pointless. */
export function retryAfterSeconds({ retryAfterMs }: LanewayError): number | undefined {
  if (retryAfterMs === undefined) return undefined;
  return Math.min(RETRY_AFTER_S.max, Math.max(RETRY_AFTER_S.min, Math.ceil(retryAfterMs / 1_000)));
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

/** A name as a header may carry it. Those from a policy file need no change; one made in code may hold anything. */
export function printable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, "?");
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
  const seconds = retryAfterSeconds(error);
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
