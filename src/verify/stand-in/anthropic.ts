/**
 * Anthropic's Messages protocol as its documentation and its SDK describe it: JSON and streams, tool use, token
 * counts, models, error bodies with a request id, rate-limit headers. Only the model is missing.
 */

import { messageAnswer, newRequestId } from "./anthropic-reply.ts";
import type { MessageRequest } from "./anthropic-reply.ts";
import { asRecord, asText, exampleOf, StandInError, tokensOf } from "./dialect.ts";
import type { Dialect, ModelAnswer, QuickAnswer, StandInCall, StandInFailure } from "./dialect.ts";
import { RateMeter } from "./rate-meter.ts";

const MODELS = ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"];
const REQUESTS_PER_MINUTE = 4_000;
const INPUT_TOKENS_PER_MINUTE = 400_000;
const OUTPUT_TOKENS_PER_MINUTE = 80_000;

/** The version since which sampling parameters are refused. */
const STRICT_VERSION = "2026-10-21";

/** A dialect that answers like Anthropic; each has rate-limit meters of its own. */
export function anthropicDialect(): Dialect {
  const meters = {
    requests: new RateMeter(REQUESTS_PER_MINUTE),
    input: new RateMeter(INPUT_TOKENS_PER_MINUTE),
    output: new RateMeter(OUTPUT_TOKENS_PER_MINUTE),
  };

  const answer = (call: StandInCall): QuickAnswer | ModelAnswer => {
    const route = `${call.method} ${call.path}`;
    requireCredential(call);
    if (call.header("anthropic-version") === undefined)
      throw refusal(400, "invalid_request_error", "anthropic-version: header is required");
    if (route === "GET /v1/models") return json(listModels());
    if (call.method === "GET" && call.path.startsWith("/v1/models/"))
      return json(oneModel(call.path.slice(11)));
    if (route === "POST /v1/messages/count_tokens")
      return json({ input_tokens: readMessage(call, false).inputTokens });
    if (route !== "POST /v1/messages") throw refusal(404, "not_found_error", `Not found: ${route}`);
    return messageAnswer(readMessage(call, true), meters);
  };

  return {
    answer,
    failure: anthropicFailure,
    full: { status: 529, type: "overloaded_error", message: "Overloaded" },
  };
}

function anthropicFailure(failure: StandInFailure): QuickAnswer {
  const requestId = newRequestId();
  const error = { type: failure.type, message: failure.message };
  return {
    status: failure.status,
    headers: { "request-id": requestId, ...failure.headers },
    body: JSON.stringify({ type: "error", error, request_id: requestId }),
  };
}

function refusal(status: number, type: string, message: string): StandInError {
  return new StandInError({ status, type, message });
}

function requireCredential(call: StandInCall): void {
  if (call.header("x-api-key") || call.header("authorization")?.startsWith("Bearer ")) return;
  throw refusal(401, "authentication_error", "x-api-key header is required");
}

function readMessage(call: StandInCall, whole: boolean): MessageRequest {
  const body = readBody(call);
  const missing = ["model", "messages", ...(whole ? ["max_tokens"] : [])].find(
    (field) => body[field] === undefined,
  );
  if (missing !== undefined) throw refusal(400, "invalid_request_error", `${missing}: Field required`);
  const { model, messages } = body;
  if (typeof model !== "string" || !model.startsWith("claude-"))
    throw refusal(404, "not_found_error", `model: ${String(model)}`);
  if (!Array.isArray(messages) || messages.length === 0)
    throw refusal(400, "invalid_request_error", "messages: at least one message is required");
  if (call.header("anthropic-version") === STRICT_VERSION && body["temperature"] !== undefined)
    throw refusal(400, "invalid_request_error", "temperature: Extra inputs are not permitted");
  return {
    model,
    maxTokens: Number(body["max_tokens"] ?? 1),
    stream: body["stream"] === true,
    inputTokens: tokensOf(JSON.stringify([body["system"], messages, body["tools"]])),
    tool: chooseTool(body["tools"], body["tool_choice"], messages),
    user: asText(asRecord(body["metadata"])?.["user_id"]),
  };
}

function readBody(call: StandInCall): Readonly<Record<string, unknown>> {
  try {
    const body = asRecord(JSON.parse(call.body.toString("utf8")));
    if (body !== undefined) return body;
  } catch {
    // Answered below: not JSON and not an object are the same mistake to a caller.
  }
  throw refusal(400, "invalid_request_error", "The request body is not valid JSON");
}

/** The tool the made-up model calls: the named one, else the first; none when the last message is a tool's result. */
function chooseTool(tools: unknown, choice: unknown, messages: readonly unknown[]): MessageRequest["tool"] {
  if (!Array.isArray(tools) || tools.length === 0) return undefined;
  const rule = asRecord(choice) ?? { type: "auto" };
  if (rule["type"] === "none") return undefined;
  if (rule["type"] === "auto" && JSON.stringify(messages.at(-1)).includes('"tool_result"')) return undefined;
  const named = tools.find((tool) => asRecord(tool)?.["name"] === rule["name"]);
  const tool = asRecord(named ?? tools[0]) ?? {};
  return { name: asText(tool["name"]), input: exampleOf(tool["input_schema"]) };
}

function listModels(): object {
  return { data: MODELS.map(modelOf), has_more: false, first_id: MODELS[0], last_id: MODELS.at(-1) };
}

function oneModel(id: string): object {
  if (!MODELS.includes(id)) throw refusal(404, "not_found_error", `model: ${id}`);
  return modelOf(id);
}

function modelOf(id: string): object {
  return { type: "model", id, display_name: id, created_at: "2025-10-01T00:00:00Z" };
}

function json(value: object): QuickAnswer {
  return { status: 200, headers: { "request-id": newRequestId() }, body: JSON.stringify(value) };
}
