/** A message of Anthropic's as the stand-in writes it: whole or as a stream of events. */

import { randomUUID } from "node:crypto";
import type { InputUsage, MessageRequest } from "./anthropic-request.ts";
import type { ModelAnswer, ReplySize } from "./dialect.ts";
import { piecesOf, speak, tokensOf } from "./made-up.ts";

type StreamEvent = { readonly type: string; readonly [field: string]: unknown };

type Block =
  | { readonly type: "thinking"; readonly words: readonly string[]; readonly signature: string }
  | { readonly type: "text"; readonly words: readonly string[] }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; readonly input: unknown };

interface Reply {
  readonly request: MessageRequest;
  readonly input: InputUsage;
  readonly blocks: readonly Block[];
  readonly stopReason: string;
  readonly outputTokens: number;
}

/** The reply to a message. */
export function messageAnswer(request: MessageRequest, input: InputUsage, size: ReplySize): ModelAnswer {
  const reply = replyTo(request, input, size);
  return {
    contentType: request.stream ? "text/event-stream; charset=utf-8" : "application/json",
    headers: idHeaders(),
    parts: request.stream ? streamParts(reply) : [JSON.stringify(wholeMessage(reply, "standard"))],
    user: request.user,
    model: request.model,
    inputTokens: input.inputTokens + input.cacheWriteTokens,
    outputTokens: reply.outputTokens,
    maxOutputTokens: request.maxTokens,
  };
}

/** The reply to a message of a batch, as a value. */
export function batchedMessage(request: MessageRequest, input: InputUsage, size: ReplySize): object {
  return wholeMessage(replyTo(request, input, size), "batch");
}

function replyTo(request: MessageRequest, input: InputUsage, size: ReplySize): Reply {
  const { tool } = request;
  const { thoughts, words, cut } = speak(request.maxTokens, {
    outputTokens: size.outputTokens,
    thinks: request.thinks,
  });
  const blocks: Block[] = [{ type: "text", words }];
  if (request.thinks) {
    const signature = Buffer.from(thoughts.join(" ")).toString("base64");
    blocks.unshift({ type: "thinking", words: thoughts, signature });
  }
  if (tool !== undefined) blocks.push({ type: "tool_use", id: `toolu_${newId()}`, ...tool });
  return {
    request,
    input,
    blocks,
    stopReason: tool !== undefined ? "tool_use" : cut ? "max_tokens" : "end_turn",
    outputTokens:
      thoughts.length + words.length + (tool === undefined ? 0 : tokensOf(JSON.stringify(tool.input))),
  };
}

function wholeMessage(reply: Reply, served: string): object {
  return {
    ...emptyMessage(reply.request),
    content: reply.blocks.map(wholeBlock),
    stop_reason: reply.stopReason,
    usage: usage(reply, reply.outputTokens, served),
  };
}

/** A stream's parts: the opening events, then one part for each delta with what surrounds it, then the closing ones. */
function streamParts(reply: Reply): string[] {
  const message = {
    ...emptyMessage(reply.request),
    content: [],
    stop_reason: null,
    usage: usage(reply, 1, "standard"),
  };
  const parts = [event({ type: "message_start", message })];
  const add = (data: StreamEvent): void => {
    parts[parts.length - 1] += event(data);
  };
  reply.blocks.forEach((block, index) => {
    add({ type: "content_block_start", index, content_block: emptyBlock(block) });
    if (index === 0) add({ type: "ping" });
    for (const delta of deltasOf(block)) parts.push(event({ type: "content_block_delta", index, delta }));
    add({ type: "content_block_stop", index });
  });
  const delta = { container: null, stop_reason: reply.stopReason, stop_sequence: null };
  parts.push(event({ type: "message_delta", delta, usage: usage(reply, reply.outputTokens, undefined) }));
  add({ type: "message_stop" });
  return parts;
}

function emptyBlock(block: Block): object {
  if (block.type === "thinking") return { type: "thinking", thinking: "", signature: "" };
  return block.type === "text" ? { type: "text", text: "" } : { ...block, input: {} };
}

function wholeBlock(block: Block): object {
  if (block.type === "thinking")
    return { type: "thinking", thinking: block.words.join(" "), signature: block.signature };
  return block.type === "text" ? { type: "text", text: block.words.join(" ") } : block;
}

function deltasOf(block: Block): object[] {
  if (block.type === "text") return piecesOf(block.words, 4).map((text) => ({ type: "text_delta", text }));
  if (block.type === "thinking") {
    const deltas = piecesOf(block.words, 4).map((thinking) => ({ type: "thinking_delta", thinking }));
    return [...deltas, { type: "signature_delta", signature: block.signature }];
  }
  const text = JSON.stringify(block.input);
  const middle = Math.ceil(text.length / 2);
  return ["", text.slice(0, middle), text.slice(middle)].map((piece) => ({
    type: "input_json_delta",
    partial_json: piece,
  }));
}

function emptyMessage(request: MessageRequest): object {
  return {
    id: `msg_${newId()}`,
    type: "message",
    role: "assistant",
    model: request.model,
    container: null,
    stop_sequence: null,
    stop_details: null,
  };
}

/** The last event of a stream repeats the input, and does not say again how the call was served. */
function usage({ input }: Reply, outputTokens: number, served: string | undefined): object {
  const counts = {
    input_tokens: input.inputTokens,
    cache_creation_input_tokens: input.cacheWriteTokens,
    cache_read_input_tokens: input.cacheReadTokens,
    output_tokens: outputTokens,
  };
  if (served === undefined) return { ...counts, server_tool_use: null };
  const byAge = { ephemeral_5m_input_tokens: input.cacheWriteTokens, ephemeral_1h_input_tokens: 0 };
  return { ...counts, cache_creation: byAge, server_tool_use: null, service_tier: served };
}

function event(data: StreamEvent): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** What every reply carries whatever its kind. */
export function idHeaders(requestId: string = newRequestId()): Record<string, string> {
  return { "request-id": requestId, "anthropic-organization-id": "stand-in" };
}

/** An identifier as the real `request-id` header has it. */
export function newRequestId(): string {
  return `req_${newId()}`;
}

/** The random part of an identifier. */
export function newId(): string {
  return randomUUID().replaceAll("-", "").slice(0, 24);
}
