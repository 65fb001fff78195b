/** What an upstream did, told by the error that undici gives. */

import { LanewayError } from "../core/errors.ts";
import type { LanewayReason } from "../core/errors.ts";
import { Refused } from "./refused.ts";

const MALFORMED_CODES: ReadonlySet<string> = new Set([
  "HTTPParserError",
  "UND_ERR_HEADERS_OVERFLOW",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "ERR_INVALID_CHAR",
  "ERR_INVALID_HTTP_TOKEN",
  "ERR_HTTP_INVALID_HEADER_VALUE",
]);
const MALFORMED_MESSAGES: ReadonlySet<string> = new Set(["bad response", "bad upgrade"]);

const SAYS: Readonly<Partial<Record<LanewayReason, string>>> = {
  unreachable: "cannot be reached",
  reset: "closed the connection before its reply was complete",
  malformed: "answered something that is not HTTP",
};

/** `LANEWAY_UPSTREAM` with its reason, or a `Refused` when the request was one that cannot be sent at all. */
export function upstreamError(
  error: Error & { readonly code?: string },
  upstream: string,
  connected: boolean,
): Error {
  const code = error.code ?? error.name;
  if (code === "UND_ERR_INVALID_ARG" || code === "UND_ERR_NOT_SUPPORTED")
    return new Refused("bad-request", `the request cannot be passed on: ${error.message}`);
  const reason = reasonOf(error, code, connected);
  return new LanewayError(`the upstream of "${upstream}" ${SAYS[reason]} (${code})`, {
    code: "LANEWAY_UPSTREAM",
    reason,
    resource: upstream,
  });
}

/** The reply began, and then nothing moved: the upstream is dead, or the client does not read. */
export function silentError(upstream: string, idleTimeoutMs: number): Error {
  return new LanewayError(
    `a reply of "${upstream}" was cut: nothing moved for ${idleTimeoutMs / 1_000} s (idleTimeout)`,
    { code: "LANEWAY_UPSTREAM", reason: "reset", resource: upstream },
  );
}

/** The stream has begun, so that an error must be told inside it, and this one does not fit. */
export function tooLongError(upstream: string, maxBytes: number): Error {
  return new LanewayError(`the upstream of "${upstream}" answered an error of more than ${maxBytes} bytes`, {
    code: "LANEWAY_UPSTREAM",
    reason: "malformed",
    resource: upstream,
  });
}

function reasonOf(error: Error, code: string, connected: boolean): "unreachable" | "reset" | "malformed" {
  if (!connected) return "unreachable";
  if (MALFORMED_CODES.has(code) || MALFORMED_MESSAGES.has(error.message)) return "malformed";
  return "reset";
}
