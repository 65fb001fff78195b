/** The OpenAI API, and the many servers that speak it. */

import { sdkRetries, sdkTimeoutMs } from "./client-headers.ts";
import { errorFacts, findingOfStatus, MONEY, NO_FAULT, verdictOf } from "./error-reply.ts";
import type { Finding } from "./error-reply.ts";
import { goDurationMs } from "./go-duration.ts";
import { OPENAI_USAGE } from "./openai-usage.ts";
import { isUnder } from "./provider.ts";
import type { HeaderOf, Judged, Provider, Refusal, RefusalKind, RequestKind } from "./provider.ts";
import { allowanceOf, rateLimitsOf } from "./rate-limit-headers.ts";
import type { Allowance } from "./rate-limit-headers.ts";
import { usageReaderOf } from "./usage.ts";

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

/** What a POST asks for, by what follows the version in its path. */
const POSTS: Readonly<Record<string, RequestKind>> = {
  "/chat/completions": "generate",
  "/completions": "generate",
  "/responses": "generate",
  "/responses/compact": "generate",
  "/responses/input_tokens": "count",
  "/embeddings": "embed",
};

/** No number of further requests changes these: they are about money, not about rate. */
const MONEY_CODE =
  /^(?:insufficient_quota|credit_balance_exhausted|billing_hard_limit_reached|organization_usage_limit_exceeded|.*_spend_limit_(?:exceeded|reached))$/;
/** One request larger than a minute's allowance: it will never fit. */
const TOO_LARGE_MESSAGE = /^Request too large\b/i;
const RAMP_CODE = "slow_down";
/** A cheap tier that has no room just now. */
const NO_ROOM_CODE = "resource_unavailable";

/** A model's release: `-2024-08-06`, `-0613`, `-latest`. */
const RELEASE = /(?:-\d{4}-\d{2}-\d{2}|-(?:0[1-9]|1[0-2])\d{2}|-latest)$/;

function refuse({ kind, message }: Refusal): { status: number; body: string } {
  const [status, type, code] = REPLIES[kind];
  return { status, body: JSON.stringify({ error: { message, type, param: null, code } }) };
}

function findingOf({ status, body }: Judged): Finding {
  const { type, code, message } = errorFacts(body);
  if (status === 402 || MONEY_CODE.test(code) || MONEY_CODE.test(type)) return MONEY;
  if (code === RAMP_CODE && (status === 429 || status === 503))
    return { reason: "ramp", retry: true, pause: "model" };
  if (status !== 429) return findingOfStatus(status);
  if (code === NO_ROOM_CODE) return { reason: "overloaded", retry: true };
  if (TOO_LARGE_MESSAGE.test(message)) return { reason: "rate-limit", retry: false };
  return { reason: "rate-limit", retry: true, pause: "model" };
}

function allowance(header: HeaderOf, kind: string): Allowance | undefined {
  const of = (field: string): string => `x-ratelimit-${field}-${kind}`;
  return allowanceOf(header, { limit: of("limit"), left: of("remaining"), reset: of("reset") }, goDurationMs);
}

/** `/chat/completions` of `/v1/chat/completions`, and of `/openai/v1/chat/completions` as other servers have it. */
function withoutVersion(path: string): string {
  const version = path.indexOf("/v1/");
  return version === -1 ? path : path.slice(version + "/v1".length);
}

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

  refusal(refusal) {
    return { ...refuse(refusal), contentType: "application/json" };
  },

  credentialHeaders: ["authorization", "x-api-key", "api-key", "proxy-authorization"],

  keyHeader(key, header) {
    // Azure's clients send their key by another name.
    const azure = header("api-key") !== undefined && header("authorization") === undefined;
    return azure ? ["api-key", key] : ["authorization", `Bearer ${key}`];
  },

  kindOf(method, path) {
    const rest = withoutVersion(path);
    if (isUnder(rest, "/batches")) return "batch";
    if (isUnder(rest, "/files")) return "file";
    if (isUnder(rest, "/models")) return "list";
    return (method === "POST" ? POSTS[rest] : undefined) ?? "other";
  },

  classOf(model) {
    // A fine-tuned model ("ft:base:organisation:…") draws on the limit of its base.
    const base = model.startsWith("ft:") ? model.split(":", 2)[1]! : model;
    return base.replace(RELEASE, "");
  },

  judge(reply) {
    return verdictOf(reply, reply.status < 400 ? NO_FAULT : findingOf(reply));
  },

  rateLimits(header) {
    // One allowance covers input and output together, where a budget has two. What is left of it bounds each of the
    // two, so both are told all of it: neither is then held back without need, and a reply's headers, which come with
    // every call, show what the other has taken.
    const tokens = allowance(header, "tokens");
    return rateLimitsOf({
      requests: allowance(header, "requests"),
      inputTokens: tokens,
      outputTokens: tokens,
    });
  },

  usageReader(contentType) {
    return usageReaderOf(contentType, OPENAI_USAGE);
  },

  clientTimeoutMs: sdkTimeoutMs,
  clientRetries: sdkRetries,

  // A comment: an event, a ping among them, would be handed to the user as a part of the answer.
  streamPing: ": keepalive\n\n",

  streamError(refusal) {
    return `data: ${refuse(refusal).body}\n\n`;
  },

  rewritesUrls() {
    return false;
  },
};
