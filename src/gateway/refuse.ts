/** Step four, when there is no reply to pass on: the refusal, in the shape that this client expects. */

import { isLanewayError } from "../core/errors.ts";
import type { LanewayCode, LanewayError, LanewayReason } from "../core/errors.ts";
import { ClientLeft } from "./call.ts";
import type { Call } from "./call.ts";
import type { Route } from "./classify.ts";
import { PROVIDERS } from "../providers/known.ts";
import type { RefusalKind } from "../providers/provider.ts";
import { Refused } from "./refused.ts";
import { headerText } from "./report.ts";
import { discardRest } from "./upload.ts";

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
  if (lane !== undefined) headers.push("laneway-lane", headerText(lane));
  if (facts !== undefined) pushAdvice(headers, facts, route);
  if (call.triedOut) headers.push("x-should-retry", "false");
  if (options.lastReply) headers.push("connection", "close");
  res.writeHead(reply.status, headers);
  res.end(req.method === "HEAD" ? undefined : reply.body);
  discardRest(req);
}

function kindOf(error: unknown, onBug: RefuseOptions["onBug"]): RefusalKind {
  if (error instanceof Refused) return error.kind;
  const kind = isLanewayError(error) ? (BY_REASON[error.reason] ?? BY_CODE[error.code]) : "internal";
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
  if (error.retryAfterMs === undefined) return;
  const seconds = Math.min(
    RETRY_AFTER_S.max,
    Math.max(RETRY_AFTER_S.min, Math.ceil(error.retryAfterMs / 1_000)),
  );
  headers.push("retry-after", `${seconds}`);
  if (route !== undefined) pushRateLimit(headers, route, seconds);
}

/** The draft standard's two fields: the lane's seats as a quota of concurrent requests, none of them left. */
function pushRateLimit(headers: string[], route: Route, seconds: number): void {
  const { lane } = route.classification;
  const seats = route.upstream.resource.snapshot().lanes.find(({ name }) => name === lane)?.ceiling;
  if (seats === undefined) return;
  const name = structuredString(lane);
  headers.push(
    "ratelimit-policy",
    `${name};q=${seats};qu="concurrent-requests"`,
    "ratelimit",
    `${name};r=0;t=${seconds}`,
  );
}

/** A string as structured fields write it (RFC 9651 §3.3.3): printable ASCII, quote and backslash escaped. */
export function structuredString(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}
