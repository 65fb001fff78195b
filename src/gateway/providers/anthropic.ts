/** The Anthropic API: `/v1/messages`, its batches, and what shares a path with OpenAI by the version header it sends. */

import { isUnder } from "./provider.ts";
import type { Provider, RefusalKind } from "./provider.ts";

// 529 is Anthropic's own "overloaded": its SDKs come back after it, as they do after 429.
const REPLIES: Readonly<Record<RefusalKind, readonly [status: number, type: string]>> = {
  full: [429, "rate_limit_error"],
  "flow-share": [429, "rate_limit_error"],
  waited: [529, "overloaded_error"],
  timeout: [504, "timeout_error"],
  deadline: [504, "timeout_error"],
  draining: [529, "overloaded_error"],
  deadlock: [500, "api_error"],
  upstream: [502, "api_error"],
  "bad-request": [400, "invalid_request_error"],
  "not-found": [404, "not_found_error"],
  "upload-timeout": [408, "invalid_request_error"],
  "too-large": [413, "request_too_large"],
  "headers-too-large": [431, "invalid_request_error"],
  "not-implemented": [501, "invalid_request_error"],
  internal: [500, "api_error"],
};

export const anthropic: Provider = {
  name: "anthropic",
  publicHost: "api.anthropic.com",
  tellsClient: false,

  owns(path, header) {
    if (isUnder(path, "/v1/messages")) return true;
    return (
      (isUnder(path, "/v1/models") || isUnder(path, "/v1/files")) && header("anthropic-version") !== undefined
    );
  },

  namesModel(path) {
    return path === "/v1/messages" || path === "/v1/messages/count_tokens";
  },

  refusal({ kind, message, requestId }) {
    const [status, type] = REPLIES[kind];
    const body = JSON.stringify({ type: "error", error: { type, message }, request_id: requestId });
    return { status, contentType: "application/json", body };
  },
};
