/** The OpenAI API, and the many servers that speak it. */

import { isUnder } from "./provider.ts";
import type { Provider, RefusalKind } from "./provider.ts";

const REPLIES: Readonly<Record<RefusalKind, readonly [status: number, type: string, code: string]>> = {
  full: [429, "requests", "rate_limit_exceeded"],
  "flow-share": [429, "requests", "rate_limit_exceeded"],
  waited: [503, "server_error", "server_is_overloaded"],
  timeout: [504, "server_error", "timeout"],
  deadline: [504, "server_error", "timeout"],
  draining: [503, "server_error", "server_is_overloaded"],
  deadlock: [500, "server_error", "internal_error"],
  upstream: [502, "server_error", "bad_gateway"],
  "bad-request": [400, "invalid_request_error", "invalid_request"],
  "not-found": [404, "invalid_request_error", "not_found"],
  "upload-timeout": [408, "invalid_request_error", "request_timeout"],
  "too-large": [413, "invalid_request_error", "request_too_large"],
  "headers-too-large": [431, "invalid_request_error", "headers_too_large"],
  "not-implemented": [501, "invalid_request_error", "not_implemented"],
  internal: [500, "server_error", "internal_error"],
};

const PATHS = [
  "/v1/chat/completions",
  "/v1/responses",
  "/v1/embeddings",
  "/v1/models",
  "/v1/files",
  "/v1/batches",
];

export const openai: Provider = {
  name: "openai",
  publicHost: "api.openai.com",
  tellsClient: false,

  owns(path) {
    return path.startsWith("/v1/") && PATHS.some((base) => isUnder(path, base));
  },

  namesModel(path) {
    return path === "/v1/chat/completions" || path === "/v1/responses" || path === "/v1/embeddings";
  },

  refusal({ kind, message }) {
    const [status, type, code] = REPLIES[kind];
    return {
      status,
      contentType: "application/json",
      body: JSON.stringify({ error: { message, type, param: null, code } }),
    };
  },
};
