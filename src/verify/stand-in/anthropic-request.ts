/** What a request to Anthropic's messages asks for, and what is wrong with it. */

import { createHash } from "node:crypto";
import { StandInError } from "./dialect.ts";
import type { ReplySize, StandInCall } from "./dialect.ts";
import { asRecord, asText, exampleOf, readObject, tokensOf } from "./made-up.ts";

/** The version since which sampling parameters and the like are refused. */
const STRICT_VERSION = "2026-10-21";
const REFUSED_WHEN_STRICT = ["temperature", "top_p", "top_k"];

/** A prompt's beginning is remembered for so long after its last use. */
const CACHE_MS = 300_000;

/** What a request asks for, as far as the reply depends on it. */
export interface MessageRequest {
  readonly model: string;
  readonly maxTokens: number;
  readonly stream: boolean;
  readonly thinks: boolean;
  /** All of the prompt, whatever of it is cached. */
  readonly promptTokens: number;
  /** The text up to the last `cache_control`; undefined without one. */
  readonly cachedText: string | undefined;
  readonly tool: { readonly name: string; readonly input: unknown } | undefined;
  readonly user: string;
}

/** Reads a body that comes with a call. */
export function readMessage(call: StandInCall, size: ReplySize, whole: boolean): MessageRequest {
  const body = readObject(call.body);
  if (body === undefined)
    throw new StandInError(400, "invalid_request_error", "The request body is not valid JSON");
  return messageRequest(body, size, { whole, version: call.header("anthropic-version") });
}

/** Reads a body that has been parsed, also one that came in a batch. `whole`: it asks for a reply, not for a count. */
export function messageRequest(
  body: Readonly<Record<string, unknown>>,
  size: ReplySize,
  { whole, version }: { readonly whole: boolean; readonly version: string | undefined },
): MessageRequest {
  const missing = ["model", "messages", ...(whole ? ["max_tokens"] : [])].find(
    (field) => body[field] === undefined,
  );
  if (missing !== undefined)
    throw new StandInError(400, "invalid_request_error", `${missing}: Field required`);
  const { model, messages } = body;
  if (typeof model !== "string" || !model.startsWith("claude-"))
    throw new StandInError(404, "not_found_error", `model: ${String(model)}`);
  if (!Array.isArray(messages) || messages.length === 0)
    throw new StandInError(400, "invalid_request_error", "messages: at least one message is required");
  if (version === STRICT_VERSION) refuseOldParameters(body);
  const prompt = JSON.stringify([body["tools"], body["system"], messages]);
  const mark = prompt.lastIndexOf('"cache_control"');
  return {
    model,
    maxTokens: Number(body["max_tokens"] ?? 1),
    stream: body["stream"] === true,
    thinks: ["enabled", "adaptive"].includes(asText(asRecord(body["thinking"])?.["type"])),
    promptTokens: tokensOf(prompt, size.charsPerToken),
    cachedText: mark === -1 ? undefined : prompt.slice(0, mark),
    tool: chooseTool(body["tools"], body["tool_choice"], messages),
    user: asText(asRecord(body["metadata"])?.["user_id"]),
  };
}

function refuseOldParameters(body: Readonly<Record<string, unknown>>): void {
  const old = REFUSED_WHEN_STRICT.find((field) => body[field] !== undefined);
  if (old !== undefined)
    throw new StandInError(400, "invalid_request_error", `${old}: Extra inputs are not permitted`);
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

/** The input of one request by how it counts: what was read from the cache is free of the rate limit. */
export interface InputUsage {
  readonly inputTokens: number;
  readonly cacheWriteTokens: number;
  readonly cacheReadTokens: number;
}

/** Remembers the beginnings of prompts that were marked to be cached, by key and model. */
export class PromptCache {
  readonly #now: () => number;
  readonly #until = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  usage(request: MessageRequest, key: string, size: ReplySize): InputUsage {
    const { cachedText, promptTokens } = request;
    if (cachedText === undefined)
      return { inputTokens: promptTokens, cacheWriteTokens: 0, cacheReadTokens: 0 };
    const name = createHash("sha256").update(`${key}\n${request.model}\n${cachedText}`).digest("hex");
    const known = (this.#until.get(name) ?? -Infinity) > this.#now();
    this.#until.set(name, this.#now() + CACHE_MS);
    const cached = Math.min(promptTokens, tokensOf(cachedText, size.charsPerToken));
    return {
      inputTokens: promptTokens - cached,
      cacheWriteTokens: known ? 0 : cached,
      cacheReadTokens: known ? cached : 0,
    };
  }
}
