/**
 * Anthropic's API as its documentation and its SDK describe it: messages, token counts, batches, models, files, error
 * bodies with a request id, rate-limit headers. Only the model is missing.
 */

import { AnthropicBatches } from "./anthropic-batches.ts";
import { idHeaders, messageAnswer, newId, newRequestId } from "./anthropic-reply.ts";
import { PromptCache, readMessage } from "./anthropic-request.ts";
import { StandInError } from "./dialect.ts";
import type { Dialect, ModelAnswer, QuickAnswer, ReplySize, StandInCall, StandInFailure } from "./dialect.ts";
import { anthropicPage } from "./paging.ts";
import type { Listed } from "./paging.ts";
import { StoredFiles } from "./stored-files.ts";
import type { BudgetKind, Standing } from "./upstream-budgets.ts";

/** What a dialect needs to know of the server it speaks for. */
export interface DialectOptions {
  /** Where this server is reached, an origin. */
  readonly origin: () => string;
  readonly pollsBeforeEnd: number;
  readonly now: () => number;
}

const MODELS = [
  "claude-opus-5-5",
  "claude-sonnet-5-5",
  "claude-haiku-5-5",
  "claude-opus-4-7",
  "claude-haiku-4-5",
];

const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

const KIND_WORDS: Readonly<Record<BudgetKind, string>> = {
  requests: "requests",
  inputTokens: "input tokens",
  outputTokens: "output tokens",
  tokens: "tokens",
};

/** A dialect that answers like Anthropic. */
export function anthropicDialect(options: DialectOptions): Dialect {
  const batches = new AnthropicBatches(options);
  const files = filesOf(options);
  const cache = new PromptCache(options.now);

  const answer = (call: StandInCall, size: ReplySize): QuickAnswer | ModelAnswer => {
    requireCredential(call);
    if (call.header("anthropic-version") === undefined)
      throw new StandInError(400, "invalid_request_error", "anthropic-version: header is required");
    if (`${call.method} ${call.path}` === "POST /v1/messages") {
      const request = readMessage(call, size, true);
      return messageAnswer(request, cache.usage(request, keyOf(call), size), size);
    }
    const found = quickAnswer(call, size);
    if (found === undefined)
      throw new StandInError(404, "not_found_error", `Not found: ${call.method} ${call.path}`);
    return "body" in found ? (found as QuickAnswer) : json(found);
  };

  const quickAnswer = (call: StandInCall, size: ReplySize): object | undefined => {
    const { method, path } = call;
    if (method === "POST" && path === "/v1/messages/count_tokens")
      return { input_tokens: readMessage(call, size, false).promptTokens };
    if (isUnder(path, "/v1/messages/batches")) return batches.answer(call, size);
    if (isUnder(path, "/v1/files")) return files.answer(call);
    if (method !== "GET" || !isUnder(path, "/v1/models")) return undefined;
    return path === "/v1/models" ? anthropicPage(MODELS.map(modelOf), call.query) : oneModel(path.slice(11));
  };

  return {
    answer,
    failure: anthropicFailure,
    typeOf: (status) => TYPES[status] ?? "api_error",
    keyOf,
    limitHeaders,
    limited: (kind, model) => ({
      status: 429,
      type: "rate_limit_error",
      message: `This request would exceed your rate limit of ${KIND_WORDS[kind]} per minute for ${model}.`,
    }),
    full: { status: 529, type: "overloaded_error", message: "Overloaded" },
  };
}

function anthropicFailure(failure: StandInFailure): QuickAnswer {
  const requestId = newRequestId();
  const details = failure.code === undefined ? {} : { details: { error_code: failure.code } };
  const error = { type: failure.type, message: failure.message, ...details };
  return {
    status: failure.status,
    headers: { ...idHeaders(requestId), ...failure.headers },
    body: JSON.stringify({ type: "error", error, request_id: requestId }),
  };
}

function requireCredential(call: StandInCall): void {
  if (keyOf(call) === "") throw new StandInError(401, "authentication_error", "x-api-key header is required");
}

function keyOf(call: StandInCall): string {
  return call.header("x-api-key") ?? /^Bearer (.+)$/.exec(call.header("authorization") ?? "")?.[1] ?? "";
}

/**
 * Remaining requests are exact, remaining tokens are rounded to the nearest thousand, and a reset is the time at which
 * all is there again: as the real headers have it. `tokens` shows the limit of tokens that is nearest to its end.
 */
function limitHeaders(standing: Standing): Record<string, string> {
  const { requests, inputTokens, outputTokens, tokens } = standing;
  const tightest = [inputTokens, outputTokens, tokens]
    .filter(({ perMinute }) => perMinute !== Infinity)
    .sort((one, other) => one.left / one.perMinute - other.left / other.perMinute)[0];
  const headers: Record<string, string> = {};
  const rows = [
    ["requests", requests, 1],
    ["input-tokens", inputTokens, 1_000],
    ["output-tokens", outputTokens, 1_000],
    ["tokens", tightest, 1_000],
  ] as const;
  for (const [kind, bucket, unit] of rows) {
    if (bucket === undefined || bucket.perMinute === Infinity) continue;
    const left = Math.max(0, unit === 1 ? Math.floor(bucket.left) : bucket.left);
    headers[`anthropic-ratelimit-${kind}-limit`] = String(bucket.perMinute);
    headers[`anthropic-ratelimit-${kind}-remaining`] = String(Math.round(left / unit) * unit);
    headers[`anthropic-ratelimit-${kind}-reset`] = new Date(bucket.fullAt())
      .toISOString()
      .replace(/\.\d+Z$/, "Z");
  }
  return headers;
}

function oneModel(id: string): object {
  if (!MODELS.includes(id)) throw new StandInError(404, "not_found_error", `model: ${id}`);
  return modelOf(id);
}

function modelOf(id: string): Listed {
  return {
    id,
    type: "model",
    display_name: id,
    created_at: "2025-10-01T00:00:00Z",
    max_input_tokens: 200_000,
    max_tokens: 64_000,
    lifecycle: "active",
  };
}

function filesOf({ now }: DialectOptions): StoredFiles {
  return new StoredFiles({
    now,
    newId: () => `file_${newId()}`,
    shown: ({ id, filename, contentType, createdAt, content }) => ({
      id,
      type: "file",
      filename,
      mime_type: contentType,
      size_bytes: content.length,
      downloadable: true,
      created_at: new Date(createdAt).toISOString(),
    }),
    page: anthropicPage,
    deleted: (id) => ({ id, type: "file_deleted" }),
    fault: (status, message) => new StandInError(status, TYPES[status] ?? "api_error", message),
  });
}

function json(value: object): QuickAnswer {
  return { status: 200, headers: idHeaders(), body: JSON.stringify(value) };
}

/** Whether a path is this one or lies below it. */
export function isUnder(path: string, base: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}
