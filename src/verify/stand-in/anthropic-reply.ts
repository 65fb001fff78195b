/** A message of Anthropic's as the stand-in writes it: whole or as a stream of events, with its headers. */

import { randomUUID } from "node:crypto";
import { replyWords, tokensOf } from "./dialect.ts";
import type { ModelAnswer } from "./dialect.ts";
import type { RateMeter } from "./rate-meter.ts";

/** What a request asks for, as far as the reply depends on it. */
export interface MessageRequest {
  readonly model: string;
  readonly maxTokens: number;
  readonly stream: boolean;
  readonly inputTokens: number;
  readonly tool: { readonly name: string; readonly input: unknown } | undefined;
  readonly user: string;
}

/** The rate limits that the headers tell of. */
export interface Meters {
  readonly requests: RateMeter;
  readonly input: RateMeter;
  readonly output: RateMeter;
}

type StreamEvent = { readonly type: string; readonly [field: string]: unknown };

type Block =
  | { readonly type: "text"; readonly words: readonly string[] }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; readonly input: unknown };

/** The reply to a message. */
export function messageAnswer(request: MessageRequest, meters: Meters): ModelAnswer {
  const { words, cut } = replyWords(request.maxTokens);
  const blocks: Block[] = [{ type: "text", words }];
  if (request.tool !== undefined) blocks.push({ type: "tool_use", id: `toolu_${newId()}`, ...request.tool });
  const stopReason = request.tool !== undefined ? "tool_use" : cut ? "max_tokens" : "end_turn";
  const outputTokens =
    words.length + (request.tool === undefined ? 0 : tokensOf(JSON.stringify(request.tool.input)));
  meters.requests.spend(1);
  meters.input.spend(request.inputTokens);
  meters.output.spend(outputTokens);
  const common = { headers: replyHeaders(meters), user: request.user };
  if (request.stream)
    return {
      ...common,
      contentType: "text/event-stream; charset=utf-8",
      parts: streamParts(request, blocks, stopReason, outputTokens),
    };
  const message = {
    ...emptyMessage(request),
    content: blocks.map(wholeBlock),
    stop_reason: stopReason,
    usage: usage(request.inputTokens, outputTokens),
  };
  return { ...common, contentType: "application/json", parts: [JSON.stringify(message)] };
}

/** A stream's parts: the opening events, then one part for each delta with what surrounds it, then the closing ones. */
function streamParts(
  request: MessageRequest,
  blocks: readonly Block[],
  stopReason: string,
  outputTokens: number,
): string[] {
  const start = {
    ...emptyMessage(request),
    content: [],
    stop_reason: null,
    usage: usage(request.inputTokens, 1),
  };
  const parts = [event({ type: "message_start", message: start })];
  const add = (data: StreamEvent): void => {
    parts[parts.length - 1] += event(data);
  };
  blocks.forEach((block, index) => {
    const empty = block.type === "text" ? { type: "text", text: "" } : { ...wholeBlock(block), input: {} };
    add({ type: "content_block_start", index, content_block: empty });
    if (index === 0) add({ type: "ping" });
    for (const delta of deltasOf(block)) parts.push(event({ type: "content_block_delta", index, delta }));
    add({ type: "content_block_stop", index });
  });
  const delta = { stop_reason: stopReason, stop_sequence: null };
  parts.push(event({ type: "message_delta", delta, usage: usage(request.inputTokens, outputTokens) }));
  add({ type: "message_stop" });
  return parts;
}

function deltasOf(block: Block): object[] {
  if (block.type === "text") {
    const pieces: object[] = [];
    for (let at = 0; at < block.words.length; at += 4) {
      const text = block.words.slice(at, at + 4).join(" ") + (at + 4 < block.words.length ? " " : "");
      pieces.push({ type: "text_delta", text });
    }
    return pieces;
  }
  const text = JSON.stringify(block.input);
  const middle = Math.ceil(text.length / 2);
  return ["", text.slice(0, middle), text.slice(middle)].map((piece) => ({
    type: "input_json_delta",
    partial_json: piece,
  }));
}

function wholeBlock(block: Block): object {
  return block.type === "text" ? { type: "text", text: block.words.join(" ") } : block;
}

function emptyMessage(request: MessageRequest): object {
  return {
    id: `msg_${newId()}`,
    type: "message",
    role: "assistant",
    model: request.model,
    stop_sequence: null,
  };
}

function usage(input: number, output: number): object {
  return {
    input_tokens: input,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: output,
    service_tier: "standard",
  };
}

function event(data: StreamEvent): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Remaining requests are exact, remaining tokens are rounded to the nearest thousand, as the real headers are. */
function replyHeaders(meters: {
  requests: RateMeter;
  input: RateMeter;
  output: RateMeter;
}): Record<string, string> {
  const headers: Record<string, string> = {
    "request-id": newRequestId(),
    "anthropic-organization-id": "stand-in",
  };
  const rows = [
    ["requests", meters.requests, 1],
    ["input-tokens", meters.input, 1_000],
    ["output-tokens", meters.output, 1_000],
    ["tokens", meters.output, 1_000],
  ] as const;
  for (const [kind, meter, unit] of rows) {
    headers[`anthropic-ratelimit-${kind}-limit`] = String(meter.limit);
    headers[`anthropic-ratelimit-${kind}-remaining`] = String(Math.round(meter.remaining() / unit) * unit);
    headers[`anthropic-ratelimit-${kind}-reset`] = meter
      .fullAt()
      .toISOString()
      .replace(/\.\d+Z$/, "Z");
  }
  return headers;
}

function newId(): string {
  return randomUUID().replaceAll("-", "").slice(0, 24);
}

/** An identifier as the real `request-id` header has it. */
export function newRequestId(): string {
  return `req_${newId()}`;
}
