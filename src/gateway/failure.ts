/** A request whose tries all failed, and what its client is told: the upstream's own last words, where it had any. */

import { LanewayError } from "../core/errors.ts";
import type { LanewayReason } from "../core/errors.ts";
import { LONGEST_RETRY_AFTER_MS } from "../calls/retry.ts";
import type { Verdict, VerdictReason } from "../providers/provider.ts";
import type { Call } from "./call.ts";
import type { Route } from "./classify.ts";
import type { HeldReply } from "./held-reply.ts";
import type { FailureReason } from "./plan.ts";
import { Refused } from "./refused.ts";
import { pushLaneHeaders } from "./report.ts";
import type { RunContext } from "./run.ts";
import { discardRest } from "./upload.ts";

export interface Failure {
  /** The reply of the last try; undefined when there was none, and then there is an error. */
  readonly held?: HeldReply | undefined;
  readonly error?: unknown;
  /** As it holds for this request. */
  readonly verdict: Verdict;
  /** What went wrong at the upstream; undefined for a refusal of ours. */
  readonly reason: FailureReason | undefined;
  /** Milliseconds until the next try; undefined: the policy grants no more. */
  readonly again?: number | undefined;
  /** It is tried again. */
  readonly goesOn: boolean;
  /** The upstream was never reached, so nothing was used of it. */
  readonly unsent?: boolean;
  /** There is no time left for anything else. */
  readonly isLate?: boolean;
  /** Milliseconds queued so far. */
  readonly waitMs: number;
  /** Headers that tell of the fallback it was. */
  readonly extraHeaders: readonly string[];
}

/** Failures of this upstream, which another may not share. */
const THEIR_FAULT: ReadonlySet<VerdictReason> = new Set([
  "rate-limit",
  "overloaded",
  "server-error",
  "ramp",
  "money",
  "timeout",
]);
const OUR_REFUSALS: ReadonlySet<LanewayReason> = new Set([
  "lane-full",
  "resource-full",
  "flow-share",
  "outranked",
  "queue",
  "predicted",
  "unreachable",
  "reset",
  "malformed",
]);

/** Whether the fallback may do better. */
export function helpsNext({ held, error, verdict, isLate }: Failure): boolean {
  if (isLate === true) return false;
  if (held !== undefined) return THEIR_FAULT.has(verdict.reason) || held.status === 401;
  return error instanceof LanewayError && OUR_REFUSALS.has(error.reason);
}

/** Passes the last reply on as it came; throws what is told instead where there was none, or it is not for the client. */
export function deliver(call: Call, route: Route, failure: Failure, context: RunContext): void {
  const { upstream, classification } = route;
  const { held, error, verdict } = failure;
  const { lane } = classification;
  if (held === undefined) {
    call.triedOut = isUpstreams(error) && isTriedOut(failure, upstream.traffic!.attempts);
    throw error;
  }
  // It would tell the client about a credential that is none of its own.
  if (held.status === 401 && upstream.keysOf(lane).length > 0) {
    context.counters.upstreamFailure(upstream.name, "key");
    call.triedOut = true;
    throw new Refused(
      "upstream",
      `the upstream of "${upstream.name}" refuses the key that the gateway sends; its operator must change it`,
    );
  }
  call.warm?.stop();
  const body = held.body();
  upstream.hide(body);
  if (call.committed) {
    const message = body.toString("utf8") || `the upstream answered ${held.status}`;
    const refusal = { kind: "upstream", message, requestId: call.id, lane } as const;
    call.res.end(upstream.provider.streamError(refusal) ?? "");
    return;
  }
  let headers = upstream.hideHeaders(held.headers);
  const repeatedBySdk =
    held.status === 408 || held.status === 409 || held.status === 429 || held.status >= 500;
  if (repeatedBySdk && (verdict.reason === "money" || isTriedOut(failure, upstream.traffic!.attempts))) {
    headers = headers.filter((_, i) => !/^x-should-retry$/i.test(headers[i & ~1]!));
    headers.push("x-should-retry", "false");
  }
  pushLaneHeaders(headers, call.id, lane, failure.waitMs);
  headers.push(...failure.extraHeaders);
  if (context.lastReply()) headers.push("connection", "close");
  call.res.writeHead(held.status, held.statusText, headers);
  call.res.end(call.method === "HEAD" ? undefined : body);
  discardRest(call.req);
}

/**
 * Whether the gateway has tried as often as it may: an SDK that now does the same would multiply the tries. Not so for
 * what could not be sent again from here, or for what the upstream wants to see again much later.
 */
function isTriedOut({ verdict, again }: Failure, attempts: number): boolean {
  return (
    attempts > 1 && verdict.retry && again === undefined && (verdict.afterMs ?? 0) <= LONGEST_RETRY_AFTER_MS
  );
}

export function isUpstreams(error: unknown): error is LanewayError {
  return error instanceof LanewayError && error.code === "LANEWAY_UPSTREAM";
}
