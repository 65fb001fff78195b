/**
 * A refusal of ours as its client expects to meet one: in its provider's error shape, with the headers that its SDK
 * obeys. What the SDKs throw is then their own error class, and they come back when it makes sense and not otherwise.
 */

import type { LanewayError } from "../core/errors.ts";
import type { Provider, RefusalReply } from "../providers/provider.ts";
import { printable, refusalKindOf, retryAfterSeconds } from "../providers/refusal-kind.ts";

/** A refusal on the wire, with the headers that go with it. */
export interface RefusalHead extends RefusalReply {
  readonly headers: Readonly<Record<string, string>>;
}

let refusals = 0;

/** What the client is told instead of a reply. */
export function refusalReply(error: LanewayError, provider: Provider): RefusalHead {
  const requestId = `lw_${(++refusals).toString(36)}`;
  const { code, reason, lane, message } = error;
  // Only what the request itself says can be wrong by now: the lane that it names.
  const kind = refusalKindOf(error, "bad-request");
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
