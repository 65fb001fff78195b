/** Step five: what the client and the metrics learn of a request. */

import type { Classification } from "../policy/classify.ts";
import { printable } from "../providers/refusal-kind.ts";

/** Adds to the raw headers of a reply its lane, its wait, and the id by which its way can be looked up. */
export function pushLaneHeaders(
  headers: string[],
  requestId: string,
  laneName: string,
  waitMs: number,
): void {
  const lane = printable(laneName);
  headers.push("laneway-request-id", requestId);
  if (waitMs === 0) {
    headers.push("laneway-lane", lane, "laneway-wait-ms", "0", "server-timing", 'laneway;dur=0;desc="wait"');
    return;
  }
  headers.push("laneway-lane", lane, "laneway-wait-ms", Math.round(waitMs).toString());
  headers.push("server-timing", `laneway;dur=${waitMs.toFixed(1)};desc="wait"`);
}

/** Counts what the resources themselves do not see. Every label comes from a closed set. */
export class Counters {
  /** Claims by what they asked for (a lane, or `unknown`) and the lane that was given. */
  readonly claims: Map<string, { readonly claimed: string; readonly granted: string; count: number }> =
    new Map();
  /** Failed upstream calls by resource and reason. */
  readonly upstreamFailures: Map<
    string,
    { readonly resource: string; readonly reason: string; count: number }
  > = new Map();

  /** Tries that were repeated, by resource and what had gone wrong. */
  readonly retries: Map<string, { readonly resource: string; readonly reason: string; count: number }> =
    new Map();
  /** Requests that another resource or model served, by the resource that could not and what took over. */
  readonly fallbacks: Map<string, { readonly resource: string; readonly to: string; count: number }> =
    new Map();

  retry(resource: string, reason: string): void {
    const key = `${resource}\n${reason}`;
    const entry = this.retries.get(key) ?? { resource, reason, count: 0 };
    entry.count++;
    this.retries.set(key, entry);
  }

  fallback(resource: string, to: string): void {
    const key = `${resource}\n${to}`;
    const entry = this.fallbacks.get(key) ?? { resource, to, count: 0 };
    entry.count++;
    this.fallbacks.set(key, entry);
  }

  claim(classification: Classification): void {
    const { claim, lane } = classification;
    if (claim === undefined) return;
    const claimed = claim.decision === "unknown-lane" ? "unknown" : claim.claimed;
    const key = `${claimed}\n${lane}`;
    const entry = this.claims.get(key) ?? { claimed, granted: lane, count: 0 };
    entry.count++;
    this.claims.set(key, entry);
  }

  upstreamFailure(resource: string, reason: string): void {
    const key = `${resource}\n${reason}`;
    const entry = this.upstreamFailures.get(key) ?? { resource, reason, count: 0 };
    entry.count++;
    this.upstreamFailures.set(key, entry);
  }
}
