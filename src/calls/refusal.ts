/**
 * A refusal of ours as its client expects to meet one: in its provider's error shape, with the headers that its SDK
 * obeys. What the SDKs throw is then their own error class, and they come back when it makes sense and not otherwise.
 */

import type { LanewayCode, LanewayError, LanewayReason } from "../core/errors.ts";
import type { Provider, RefusalKind, RefusalReply } from "../providers/provider.ts";

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
  // Only what the request itself says can be wrong by now: the lane that it names.
  LANEWAY_INVALID: "bad-request",
};

/** Reasons that look different on the wire from the rest of their code. */
const BY_REASON: Readonly<Partial<Record<LanewayReason, RefusalKind>>> = {
  "flow-share": "flow-share",
  task: "timeout",
};

/** A refusal on the wire, with the headers that go with it. */
export interface RefusalHead extends RefusalReply {
  readonly headers: Readonly<Record<string, string>>;
}

let refusals = 0;

/** What the client is told instead of a reply. */
export function refusalReply(error: LanewayError, provider: Provider): RefusalHead {
  const requestId = `lw_${(++refusals).toString(36)}`;
  const { code, reason, lane, message } = error;
  const kind = BY_REASON[reason] ?? BY_CODE[code];
  const reply = provider.refusal({ kind, message, requestId, code, reason, lane });
  const headers: Record<string, string> = {
    "content-type": reply.contentType,
    "laneway-request-id": requestId,
    "laneway-reason": reason,
    "laneway-wait-ms": Math.round(error.waitMs).toString(),
  };
  if (lane !== undefined) headers["laneway-lane"] = printable(lane);
  if (error.retryAfterMs === undefined) headers["x-should-retry"] = "false";
  else headers["retry-after"] = `${retryAfterSeconds(error.retryAfterMs)}`;
  return { ...reply, headers };
}

/** The same as a `Response`. */
export function refusalResponse(error: LanewayError, provider: Provider): Response {
  const { status, body, headers } = refusalReply(error, provider);
  return new Response(body, { status, headers });
}

function retryAfterSeconds(ms: number): number {
  return Math.min(RETRY_AFTER_S.max, Math.max(RETRY_AFTER_S.min, Math.ceil(ms / 1_000)));
}

/** A header holds no more than Latin-1, and a lane may be named in any script. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}
