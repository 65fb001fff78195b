/** The Anthropic API: `/v1/messages`, its batches, and what shares a path with OpenAI by the version header it sends. */

import { ANTHROPIC_USAGE } from "./anthropic-usage.ts";
import { sdkRetries, sdkTimeoutMs } from "./client-headers.ts";
import { errorFacts, findingOfStatus, MONEY, NO_FAULT, verdictOf } from "./error-reply.ts";
import type { Finding } from "./error-reply.ts";
import { isUnder } from "./provider.ts";
import type { HeaderOf, Judged, Provider, Refusal, RefusalKind } from "./provider.ts";
import { allowanceOf, rateLimitsOf } from "./rate-limit-headers.ts";
import type { Allowance, LimitHeaders } from "./rate-limit-headers.ts";
import { usageReaderOf } from "./usage.ts";

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

const MESSAGES = "/v1/messages";
const COUNT = "/v1/messages/count_tokens";
const BATCHES = "/v1/messages/batches";

/** No number of further requests changes these: they are about money, not about rate. */
const SPEND_LIMIT = /_spend_limit_(?:reached|exceeded)$/;
const RAMP_CODE = "ramp_limit_exceeded";
const RAMP_MESSAGE = /\b(?:acceleration|ramp)/i;

/** A model's release: `-20250929`, `@20250929`, `-latest`. */
const RELEASE = /(?:[-@]\d{8}|-latest)$/;
/** One limit covers all Opus models of a generation together, and another all its Sonnets. */
const GENERATION = /^(claude-(?:opus|sonnet)-\d+)(?:-\d+)?$/;

function refuse({ kind, message, requestId }: Refusal): { status: number; body: string } {
  const [status, type] = REPLIES[kind];
  return { status, body: JSON.stringify({ type: "error", error: { type, message }, request_id: requestId }) };
}

function findingOf({ status, header, body }: Judged): Finding {
  const { type, code, message } = errorFacts(body);
  if (status === 402 || type === "billing_error" || SPEND_LIMIT.test(code)) return MONEY;
  if (status !== 429) return findingOfStatus(status);
  if (code === RAMP_CODE || RAMP_MESSAGE.test(message))
    return { reason: "ramp", retry: true, pause: "model" };
  // A subscription's allowance is one for all models; all other limits, requests among them, are per class of models.
  const pause = header("anthropic-ratelimit-unified-status") === "rejected" ? "key" : "model";
  return { reason: "rate-limit", retry: true, pause };
}

function headersOf(kind: string): LimitHeaders {
  const of = (field: string): string => `anthropic-ratelimit-${kind}-${field}`;
  return { limit: of("limit"), left: of("remaining"), reset: of("reset") };
}

const REQUESTS = headersOf("requests");
const TOKENS = headersOf("tokens");
const INPUT_TOKENS = headersOf("input-tokens");
const OUTPUT_TOKENS = headersOf("output-tokens");

function allowance(header: HeaderOf, wallMs: number, names: LimitHeaders): Allowance | undefined {
  return allowanceOf(header, names, (text) => {
    const ms = Date.parse(text) - wallMs;
    return Number.isNaN(ms) ? undefined : Math.max(0, ms);
  });
}

export const anthropic: Provider = {
  name: "anthropic",
  publicHost: "api.anthropic.com",
  tellsClient: false,

  owns(path, header) {
    if (isUnder(path, MESSAGES)) return true;
    return (
      (isUnder(path, "/v1/models") || isUnder(path, "/v1/files")) && header("anthropic-version") !== undefined
    );
  },

  namesModel(path) {
    return path === MESSAGES || path === COUNT;
  },

  refusal(refusal) {
    return { ...refuse(refusal), contentType: "application/json" };
  },

  credentialHeaders: ["x-api-key", "authorization", "proxy-authorization"],

  keyHeader(key, header) {
    // SDKs from 1.0 on send a bearer token, those before it their key by its own name.
    return /^bearer\s/i.test(header("authorization") ?? "")
      ? ["authorization", `Bearer ${key}`]
      : ["x-api-key", key];
  },

  kindOf(method, path) {
    if (isUnder(path, BATCHES)) return "batch";
    if (isUnder(path, "/v1/files")) return "file";
    if (isUnder(path, "/v1/models")) return "list";
    if (method === "POST" && path === MESSAGES) return "generate";
    return method === "POST" && path === COUNT ? "count" : "other";
  },

  classOf(model) {
    const name = model.replace(RELEASE, "");
    return GENERATION.exec(name)?.[1] ?? name;
  },

  judge(reply) {
    return verdictOf(reply, reply.status < 400 ? NO_FAULT : findingOf(reply));
  },

  rateLimits(header, wallMs) {
    // What is left comes rounded to thousands of tokens, and "reset" is when all of the allowance is back. The plain
    // "tokens" are whichever limit is nearest: they bound both kinds where those are not told apart.
    const tokens = allowance(header, wallMs, TOKENS);
    const input = allowance(header, wallMs, INPUT_TOKENS);
    const output = allowance(header, wallMs, OUTPUT_TOKENS);
    const apart = input !== undefined || output !== undefined;
    return rateLimitsOf({
      requests: allowance(header, wallMs, REQUESTS),
      inputTokens: apart ? input : tokens,
      outputTokens: apart ? output : tokens,
    });
  },

  usageReader(contentType) {
    return usageReaderOf(contentType, ANTHROPIC_USAGE);
  },

  clientTimeoutMs: sdkTimeoutMs,
  clientRetries: sdkRetries,

  streamPing: 'event: ping\ndata: {"type": "ping"}\n\n',

  streamError(refusal) {
    return `event: error\ndata: ${refuse(refusal).body}\n\n`;
  },

  rewritesUrls(method, path) {
    // Results are the caller's data, not ours to change.
    return (method === "GET" || method === "POST") && isUnder(path, BATCHES) && !path.endsWith("/results");
  },
};
