/**
 * As much of OpenAI's protocol as its SDK needs to be tested against: chat completions and responses, whole and
 * streamed, tool calls, models, and errors in their real shape.
 */

import { randomUUID } from "node:crypto";
import { asRecord, asText, exampleOf, replyWords, StandInError, tokensOf } from "./dialect.ts";
import type { Dialect, ModelAnswer, QuickAnswer, StandInCall, StandInFailure } from "./dialect.ts";
import { RateMeter } from "./rate-meter.ts";

const MODELS = ["gpt-5.2", "gpt-5.2-mini"];
const REQUESTS_PER_MINUTE = 5_000;
const TOKENS_PER_MINUTE = 800_000;
const MANY_TOKENS = 1_000;

interface ModelRequest {
  readonly model: string;
  readonly words: readonly string[];
  readonly cut: boolean;
  readonly promptTokens: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly tool: { readonly name: string; readonly arguments: string } | undefined;
  readonly user: string;
}

/** A dialect that answers like OpenAI; each has rate-limit meters of its own. */
export function openaiDialect(): Dialect {
  const meters = { requests: new RateMeter(REQUESTS_PER_MINUTE), tokens: new RateMeter(TOKENS_PER_MINUTE) };

  const answer = (call: StandInCall): QuickAnswer | ModelAnswer => {
    const route = `${call.method} ${call.path}`;
    if (!call.header("authorization")?.startsWith("Bearer "))
      throw refusal(401, "missing_api_key", "You didn't provide an API key.");
    if (route === "GET /v1/models") return quick({ object: "list", data: MODELS.map(modelOf) });
    const write = WRITERS[route];
    if (write === undefined) throw refusal(404, "unknown_url", `Invalid URL (${route})`);
    const request = readRequest(call);
    meters.requests.spend(1);
    meters.tokens.spend(request.promptTokens + request.words.length);
    return {
      contentType: request.stream ? "text/event-stream; charset=utf-8" : "application/json",
      headers: { "x-request-id": newId("req_"), ...limitHeaders(meters) },
      parts: write(request),
      user: request.user,
    };
  };

  const full = {
    status: 503,
    type: "server_is_overloaded",
    message: "The server is overloaded. Please retry.",
  };
  return { answer, failure: openaiFailure, full };
}

const WRITERS: Readonly<Record<string, (request: ModelRequest) => string[]>> = {
  "POST /v1/chat/completions": (request) =>
    request.stream ? chatStream(request) : [JSON.stringify(chat(request))],
  "POST /v1/responses": (request) =>
    request.stream ? responseStream(request) : [JSON.stringify(response(request))],
};

function openaiFailure(failure: StandInFailure): QuickAnswer {
  const kind = failure.status >= 500 ? "server_error" : "invalid_request_error";
  const error = { message: failure.message, type: kind, param: null, code: failure.type };
  return {
    status: failure.status,
    headers: { "x-request-id": newId("req_"), ...failure.headers },
    body: JSON.stringify({ error }),
  };
}

function refusal(status: number, type: string, message: string): StandInError {
  return new StandInError({ status, type, message });
}

function readRequest(call: StandInCall): ModelRequest {
  const body = readBody(call);
  const { model } = body;
  const prompt = body["messages"] ?? body["input"];
  if (typeof model !== "string")
    throw refusal(400, "missing_required_parameter", "you must provide a model parameter");
  if (prompt === undefined)
    throw refusal(400, "missing_required_parameter", "Missing required parameter: 'messages'.");
  const most =
    body["max_completion_tokens"] ?? body["max_tokens"] ?? body["max_output_tokens"] ?? MANY_TOKENS;
  const { words, cut } = replyWords(Number(most));
  return {
    model,
    words,
    cut,
    promptTokens: tokensOf(JSON.stringify(prompt)),
    stream: body["stream"] === true,
    includeUsage: asRecord(body["stream_options"])?.["include_usage"] === true,
    tool: chooseTool(body["tools"], body["tool_choice"], JSON.stringify(prompt)),
    user: asText(body["user"]),
  };
}

function readBody(call: StandInCall): Readonly<Record<string, unknown>> {
  try {
    const body = asRecord(JSON.parse(call.body.toString("utf8")));
    if (body !== undefined) return body;
  } catch {
    // Answered below: not JSON and not an object are the same mistake to a caller.
  }
  throw refusal(400, "invalid_json", "We could not parse the JSON body of your request.");
}

/** The first tool, unless told not to or its result is already there; both APIs' ways of writing a tool are read. */
function chooseTool(tools: unknown, choice: unknown, prompt: string): ModelRequest["tool"] {
  if (!Array.isArray(tools) || tools.length === 0 || choice === "none") return undefined;
  if (/"role":"tool"|"function_call_output"/.test(prompt)) return undefined;
  const tool = asRecord(tools[0]) ?? {};
  const rule = asRecord(tool["function"]) ?? tool;
  return { name: asText(rule["name"]), arguments: JSON.stringify(exampleOf(rule["parameters"])) };
}

function chat(request: ModelRequest): object {
  const { tool } = request;
  const message =
    tool === undefined
      ? { role: "assistant", content: request.words.join(" "), refusal: null }
      : { role: "assistant", content: null, refusal: null, tool_calls: [toolCall(tool)] };
  const choice = { index: 0, message, logprobs: null, finish_reason: finishReason(request) };
  return { ...chatHead("chat.completion", request), choices: [choice], usage: chatUsage(request) };
}

function chatStream(request: ModelRequest): string[] {
  const head = chatHead("chat.completion.chunk", request);
  const chunk = (delta: object, finish: string | null = null): string =>
    data({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] });
  const parts = [chunk({ role: "assistant", content: request.tool === undefined ? "" : null })];
  if (request.tool === undefined) for (const text of pieces(request)) parts.push(chunk({ content: text }));
  else parts.push(chunk({ tool_calls: [{ index: 0, ...toolCall(request.tool) }] }));
  const usage = request.includeUsage ? data({ ...head, choices: [], usage: chatUsage(request) }) : "";
  parts.push(`${chunk({}, finishReason(request))}${usage}data: [DONE]\n\n`);
  return parts;
}

function response(request: ModelRequest, id: string = newId("resp_")): object {
  const { tool } = request;
  const content = [{ type: "output_text", text: request.words.join(" "), annotations: [] }];
  const item =
    tool === undefined
      ? { type: "message", id: `msg_${id}`, status: "completed", role: "assistant", content }
      : { type: "function_call", id: `fc_${id}`, call_id: `call_${id}`, status: "completed", ...tool };
  const usage = {
    input_tokens: request.promptTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: request.words.length,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: request.promptTokens + request.words.length,
  };
  return { ...responseHead(request, id), status: "completed", output: [item], usage };
}

/** Typed events with running numbers, and no `[DONE]`: the responses API ends with `response.completed`. */
function responseStream(request: ModelRequest): string[] {
  const id = newId("resp_");
  let sequence = 0;
  const event = (type: string, fields: object): string =>
    `event: ${type}\n${data({ type, sequence_number: sequence++, ...fields })}`;
  const head = { ...responseHead(request, id), status: "in_progress", output: [], usage: null };
  const item = { type: "message", id: `msg_${id}`, status: "in_progress", role: "assistant", content: [] };
  const at = { item_id: item.id, output_index: 0, content_index: 0 };
  const parts = [
    event("response.created", { response: head }) +
      event("response.output_item.added", { output_index: 0, item }),
  ];
  parts[0] += event("response.content_part.added", {
    ...at,
    part: { type: "output_text", text: "", annotations: [] },
  });
  for (const text of pieces(request))
    parts.push(event("response.output_text.delta", { ...at, delta: text, logprobs: [] }));
  const text = request.words.join(" ");
  parts.push(
    event("response.output_text.done", { ...at, text, logprobs: [] }) +
      event("response.completed", { response: response({ ...request, tool: undefined }, id) }),
  );
  return parts;
}

function responseHead(request: ModelRequest, id: string): object {
  return {
    id,
    object: "response",
    created_at: seconds(),
    model: request.model,
    error: null,
    incomplete_details: null,
  };
}

function chatHead(object: string, request: ModelRequest): object {
  return {
    id: newId("chatcmpl-"),
    object,
    created: seconds(),
    model: request.model,
    service_tier: "default",
  };
}

function chatUsage(request: ModelRequest): object {
  const { promptTokens, words } = request;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: words.length,
    total_tokens: promptTokens + words.length,
  };
}

function finishReason(request: ModelRequest): string {
  return request.tool !== undefined ? "tool_calls" : request.cut ? "length" : "stop";
}

function toolCall(tool: NonNullable<ModelRequest["tool"]>): object {
  return { id: newId("call_"), type: "function", function: tool };
}

function pieces(request: ModelRequest): string[] {
  return request.words.map((word, at) => (at === 0 ? word : ` ${word}`));
}

function limitHeaders(meters: { requests: RateMeter; tokens: RateMeter }): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [kind, meter] of Object.entries(meters)) {
    headers[`x-ratelimit-limit-${kind}`] = String(meter.limit);
    headers[`x-ratelimit-remaining-${kind}`] = String(meter.remaining());
    headers[`x-ratelimit-reset-${kind}`] = `${Math.max(0, meter.fullAt().getTime() - Date.now())}ms`;
  }
  return headers;
}

function modelOf(id: string): object {
  return { id, object: "model", created: 1_760_000_000, owned_by: "stand-in" };
}

function quick(value: object): QuickAnswer {
  return { status: 200, headers: { "x-request-id": newId("req_") }, body: JSON.stringify(value) };
}

function data(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function seconds(): number {
  return Math.floor(Date.now() / 1_000);
}

function newId(prefix: string): string {
  return prefix + randomUUID().replaceAll("-", "").slice(0, 24);
}
