/** Step four, when there is no reply to pass on: the refusal, in the shape that this client expects. */

import { isLanewayError } from "../core/errors.ts";
import type { LanewayError } from "../core/errors.ts";
import { ClientLeft } from "./call.ts";
import type { Call } from "./call.ts";
import type { Route } from "./classify.ts";
import { PROVIDERS } from "../providers/known.ts";
import type { RefusalKind } from "../providers/provider.ts";
import { printable } from "../providers/refusal-kind.ts";
import { kindOfError, pushRateLimit, returnSeconds } from "../requests/refusal.ts";
import { Refused } from "./refused.ts";
import { discardRest } from "./upload.ts";

export interface RefuseOptions {
  /** Whether the client should not use its connection again. */
  readonly lastReply: boolean;
  /** Told of an error that is neither a refusal nor the upstream's: a bug. */
  readonly onBug: (error: unknown) => void;
}

/** Answers the call with `error`, or, when its reply has begun, breaks the connection: a cut reply must not look whole. */
export function refuse(call: Call, route: Route | undefined, error: unknown, options: RefuseOptions): void {
  const { req, res } = call;
  if (error instanceof ClientLeft || call.stopReason instanceof ClientLeft) return;
  if (call.begun || (res.headersSent && !call.committed)) {
    res.destroy();
    return;
  }
  call.warm?.stop();
  const kind = kindOf(error, options.onBug);
  const facts = isLanewayError(error) ? error : undefined;
  const lane = facts?.lane ?? route?.classification.lane;
  const shape = call.provider ?? route?.upstream.provider ?? PROVIDERS.http;
  const message =
    kind === "internal" ? "the gateway failed on this request; its log says why" : (error as Error).message;
  const refusal = {
    kind,
    message,
    requestId: call.id,
    code: facts?.code,
    reason: facts?.reason,
    lane,
  };
  if (call.committed) {
    res.end(shape.streamError(refusal) ?? "");
    return;
  }
  const reply = shape.refusal(refusal);
  const headers = [
    "content-type",
    reply.contentType,
    "content-length",
    `${Buffer.byteLength(reply.body)}`,
    "laneway-request-id",
    call.id,
  ];
  if (lane !== undefined) headers.push("laneway-lane", printable(lane));
  if (facts !== undefined) pushAdvice(headers, facts, route);
  if (call.triedOut) headers.push("x-should-retry", "false");
  if (options.lastReply) headers.push("connection", "close");
  res.writeHead(reply.status, headers);
  res.end(req.method === "HEAD" ? undefined : reply.body);
  discardRest(req);
}

function kindOf(error: unknown, onBug: RefuseOptions["onBug"]): RefusalKind {
  if (error instanceof Refused) return error.kind;
  const kind = kindOfError(error);
  if (kind === "internal") onBug(error);
  return kind;
}

/** When to come back, or that it is pointless; both SDKs obey these two. An upstream's failure advises nothing. */
function pushAdvice(headers: string[], error: LanewayError, route: Route | undefined): void {
  if (error.code === "LANEWAY_UPSTREAM") return;
  headers.push("laneway-wait-ms", Math.round(error.waitMs).toString());
  // With the same deadline it would be late again; when there is room is said for those who can wait longer.
  if (error.retryAfterMs === undefined || error.code === "LANEWAY_DEADLINE")
    headers.push("x-should-retry", "false");
  const seconds = returnSeconds(error);
  if (seconds === undefined) return;
  headers.push("retry-after", `${seconds}`);
  if (route !== undefined)
    pushRateLimit(headers, route.upstream.resource, route.classification.lane, seconds);
}
