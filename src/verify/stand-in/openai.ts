/**
 * OpenAI's API as its documentation and its SDK describe it: chat completions, responses, embeddings, models, files,
 * batches, errors in their real shape, rate-limit headers. Only the model is missing.
 */

import { isUnder } from "./anthropic.ts";
import type { DialectOptions } from "./anthropic.ts";
import { StandInError } from "./dialect.ts";
import type { Dialect, ModelAnswer, QuickAnswer, ReplySize, StandInCall, StandInFailure } from "./dialect.ts";
import { OpenAiBatches } from "./openai-batches.ts";
import { chat, chatStream } from "./openai-chat.ts";
import { embeddings } from "./openai-embeddings.ts";
import { newId, secondsOf } from "./openai-ids.ts";
import { modelRequest, readJson } from "./openai-request.ts";
import { response, responseStream } from "./openai-responses.ts";
import { openaiPage } from "./paging.ts";
import { StoredFiles } from "./stored-files.ts";
import type { Standing } from "./upstream-budgets.ts";

const MODELS = ["gpt-5.2", "gpt-5.2-mini", "text-embedding-3-small"];

const CODES: Readonly<Record<number, string>> = {
  400: "invalid_value",
  401: "invalid_api_key",
  404: "not_found",
  429: "rate_limit_exceeded",
  500: "server_error",
  503: "server_is_overloaded",
};

/** A dialect that answers like OpenAI. */
export function openaiDialect(options: DialectOptions): Dialect {
  const files = filesOf(options);
  const batches = new OpenAiBatches({ ...options, files, reply: wholeReply });
  const kept = new Map<string, object>();

  const answer = (call: StandInCall, size: ReplySize): QuickAnswer | ModelAnswer => {
    if (keyOf(call) === "") throw new StandInError(401, "missing_api_key", "You didn't provide an API key.");
    const route = `${call.method} ${call.path}`;
    if (route === "POST /v1/embeddings") return embeddingsAnswer(readJson(call.body), size);
    if (route === "POST /v1/chat/completions" || route === "POST /v1/responses")
      return modelAnswer(call, size, kept);
    const found = quickAnswer(call, size);
    if (found === undefined) throw new StandInError(404, "unknown_url", `Invalid URL (${route})`);
    return "body" in found ? (found as QuickAnswer) : json(found);
  };

  const quickAnswer = (call: StandInCall, size: ReplySize): object | undefined => {
    const { method, path } = call;
    if (isUnder(path, "/v1/files")) return files.answer(call);
    if (isUnder(path, "/v1/batches")) return batches.answer(call, size);
    if (isUnder(path, "/v1/responses")) return keptResponse(call, kept);
    if (method !== "GET" || !isUnder(path, "/v1/models")) return undefined;
    return path === "/v1/models" ? { object: "list", data: MODELS.map(modelOf) } : oneModel(path.slice(11));
  };

  return {
    answer,
    failure: openaiFailure,
    typeOf: (status) => CODES[status] ?? "server_error",
    keyOf,
    limitHeaders,
    limited: (kind, model) => ({
      status: 429,
      type: "rate_limit_exceeded",
      message: `Rate limit reached for ${model} on ${kind === "requests" ? "requests" : "tokens"} per min.`,
    }),
    full: {
      status: 503,
      type: "server_is_overloaded",
      message: "The server is overloaded. Please retry.",
    },
  };
}

function modelAnswer(call: StandInCall, size: ReplySize, kept: Map<string, object>): ModelAnswer {
  const request = modelRequest(readJson(call.body), size);
  const isChat = call.path === "/v1/chat/completions";
  let parts: string[];
  if (request.stream) parts = isChat ? chatStream(request) : responseStream(request);
  else if (isChat) parts = [JSON.stringify(chat(request))];
  else {
    const whole = response(request);
    kept.set(whole.id, whole);
    parts = [JSON.stringify(whole)];
  }
  return {
    contentType: request.stream ? "text/event-stream; charset=utf-8" : "application/json",
    headers: idHeaders(),
    parts,
    user: request.user,
    model: request.model,
    inputTokens: request.promptTokens,
    outputTokens: request.outputTokens,
    maxOutputTokens: request.maxOutputTokens,
  };
}

function embeddingsAnswer(body: Readonly<Record<string, unknown>>, size: ReplySize): ModelAnswer {
  const { model, promptTokens, value } = embeddings(body, size);
  return {
    contentType: "application/json",
    headers: idHeaders(),
    parts: [JSON.stringify(value)],
    user: "",
    model,
    inputTokens: promptTokens,
    outputTokens: 0,
    maxOutputTokens: 0,
  };
}

/** The reply to one line of a batch. */
function wholeReply(url: string, body: Readonly<Record<string, unknown>>, size: ReplySize): object {
  if (url === "/v1/embeddings") return embeddings(body, size).value;
  const request = modelRequest(body, size);
  return url === "/v1/responses" ? response(request) : chat(request);
}

/** A response can be asked for again and deleted; what went into it is not kept. */
function keptResponse(call: StandInCall, kept: Map<string, object>): object | undefined {
  const [, id = "", action = ""] = call.path.slice("/v1/responses".length).split("/");
  const found = kept.get(id);
  if (found === undefined)
    throw new StandInError(404, "response_not_found", `Response with id '${id}' not found.`);
  if (call.method === "DELETE" && action === "") {
    kept.delete(id);
    return { id, object: "response", deleted: true };
  }
  if (call.method === "GET" && action === "input_items") return openaiPage([], call.query);
  return call.method === "GET" && action === "" ? found : undefined;
}

/** `code` is what matters to a caller; `type` follows from it and from the status. */
function openaiFailure(failure: StandInFailure): QuickAnswer {
  const { status, type: code, message } = failure;
  const type =
    status >= 500
      ? "server_error"
      : status !== 429
        ? "invalid_request_error"
        : code === "rate_limit_exceeded"
          ? message.includes("tokens per min")
            ? "tokens"
            : "requests"
          : code;
  return {
    status,
    headers: { ...idHeaders(), ...failure.headers },
    body: JSON.stringify({ error: { message, type, param: null, code } }),
  };
}

function keyOf(call: StandInCall): string {
  return /^Bearer (.+)$/.exec(call.header("authorization") ?? "")?.[1] ?? "";
}

/** Numbers are exact, and a reset is how long the bucket takes to be full again, as Go writes durations. */
function limitHeaders({ requests, tokens }: Standing, nowMs: number): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [kind, bucket] of [
    ["requests", requests],
    ["tokens", tokens],
  ] as const) {
    if (bucket.perMinute === Infinity) continue;
    headers[`x-ratelimit-limit-${kind}`] = String(bucket.perMinute);
    headers[`x-ratelimit-remaining-${kind}`] = String(Math.max(0, Math.floor(bucket.left)));
    headers[`x-ratelimit-reset-${kind}`] = goDuration(bucket.fullAt() - nowMs);
  }
  return headers;
}

/** `12ms`, `1s`, `1.5s`, `6m0s`. */
function goDuration(durationMs: number): string {
  const ms = Math.max(0, Math.ceil(durationMs));
  if (ms < 1_000) return `${ms}ms`;
  const seconds = (ms % 60_000) / 1_000;
  return ms < 60_000 ? `${seconds}s` : `${Math.floor(ms / 60_000)}m${seconds}s`;
}

function oneModel(id: string): object {
  if (!MODELS.includes(id))
    throw new StandInError(404, "model_not_found", `The model '${id}' does not exist`);
  return modelOf(id);
}

function modelOf(id: string): object {
  return { id, object: "model", created: 1_760_000_000, owned_by: "stand-in" };
}

function filesOf({ now }: DialectOptions): StoredFiles {
  return new StoredFiles({
    now,
    newId: () => newId("file-"),
    shown: ({ id, filename, purpose, createdAt, content }) => ({
      id,
      object: "file",
      bytes: content.length,
      created_at: secondsOf(createdAt),
      filename,
      purpose,
      status: "processed",
      expires_at: null,
      status_details: null,
    }),
    page: openaiPage,
    deleted: (id) => ({ id, object: "file", deleted: true }),
    fault: (status, message) => new StandInError(status, CODES[status] ?? "invalid_value", message),
  });
}

function idHeaders(): Record<string, string> {
  return { "x-request-id": newId("req_"), "openai-processing-ms": "1", "openai-version": "2020-10-01" };
}

function json(value: object): QuickAnswer {
  return { status: 200, headers: idHeaders(), body: JSON.stringify(value) };
}
