/** What a request to OpenAI's chat completions, responses or embeddings asks for, and what is wrong with it. */

import { StandInError } from "./dialect.ts";
import type { ReplySize } from "./dialect.ts";
import { asRecord, asText, exampleOf, readObject, speak, tokensOf } from "./made-up.ts";
import type { Speech } from "./made-up.ts";

/** How much a call may write that does not say. */
const MANY_TOKENS = 1_000;

/** What a request asks for, as far as the reply depends on it. */
export interface ModelRequest {
  readonly model: string;
  readonly speech: Speech;
  /** What the reply costs: thoughts count though a chat does not show them. */
  readonly outputTokens: number;
  readonly maxOutputTokens: number;
  readonly promptTokens: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly tool: { readonly name: string; readonly arguments: string } | undefined;
  readonly user: string;
}

/** The body as an object, or OpenAI's complaint. */
export function readJson(body: Buffer): Readonly<Record<string, unknown>> {
  const found = readObject(body);
  if (found !== undefined) return found;
  throw new StandInError(400, "invalid_json", "We could not parse the JSON body of your request.");
}

/** Reads a body that has been parsed, also one that came in a batch. */
export function modelRequest(body: Readonly<Record<string, unknown>>, size: ReplySize): ModelRequest {
  const model = modelOf(body);
  const prompt = body["messages"] ?? body["input"];
  if (prompt === undefined)
    throw new StandInError(400, "missing_required_parameter", "Missing required parameter: 'messages'.");
  const most = Number(
    body["max_completion_tokens"] ?? body["max_tokens"] ?? body["max_output_tokens"] ?? MANY_TOKENS,
  );
  const speech = speak(most, {
    outputTokens: size.outputTokens,
    thinks: body["reasoning"] !== undefined || body["reasoning_effort"] !== undefined,
  });
  const text = JSON.stringify(prompt);
  return {
    model,
    speech,
    outputTokens: speech.thoughts.length + speech.words.length,
    maxOutputTokens: most,
    promptTokens: tokensOf(text, size.charsPerToken),
    stream: body["stream"] === true,
    includeUsage: asRecord(body["stream_options"])?.["include_usage"] === true,
    tool: chooseTool(body["tools"], body["tool_choice"], text),
    user: asText(body["user"]),
  };
}

/** The model that a body names, or OpenAI's complaint. */
export function modelOf(body: Readonly<Record<string, unknown>>): string {
  const { model } = body;
  if (typeof model === "string" && model !== "") return model;
  throw new StandInError(400, "missing_required_parameter", "you must provide a model parameter");
}

/** The first tool, unless told not to or its result is already there; both APIs' ways of writing a tool are read. */
function chooseTool(tools: unknown, choice: unknown, prompt: string): ModelRequest["tool"] {
  if (!Array.isArray(tools) || tools.length === 0 || choice === "none") return undefined;
  if (/"role":"tool"|"function_call_output"/.test(prompt)) return undefined;
  const tool = asRecord(tools[0]) ?? {};
  const rule = asRecord(tool["function"]) ?? tool;
  return { name: asText(rule["name"]), arguments: JSON.stringify(exampleOf(rule["parameters"])) };
}
