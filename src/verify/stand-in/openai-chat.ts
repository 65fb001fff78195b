/** Chat completions, whole and streamed. */

import { piecesOf } from "./made-up.ts";
import { data, newId, secondsOf } from "./openai-ids.ts";
import type { ModelRequest } from "./openai-request.ts";

/** A completion as one object. */
export function chat(request: ModelRequest): object {
  const { tool, speech } = request;
  const message =
    tool === undefined
      ? { role: "assistant", content: speech.words.join(" "), refusal: null, annotations: [] }
      : { role: "assistant", content: null, refusal: null, annotations: [], tool_calls: [toolCall(tool)] };
  const choice = { index: 0, message, logprobs: null, finish_reason: finishReason(request) };
  return { ...chatHead("chat.completion", request), choices: [choice], usage: chatUsage(request) };
}

/** A completion as a stream: usage only when asked for, in a chunk of its own, and `[DONE]` at the end. */
export function chatStream(request: ModelRequest): string[] {
  const { tool, speech } = request;
  const head = chatHead("chat.completion.chunk", request);
  const chunk = (delta: object, finish: string | null = null): string =>
    data({
      ...head,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(request.includeUsage ? { usage: null } : {}),
    });
  const parts = [
    chunk({ role: "assistant", content: tool === undefined ? "" : null, refusal: null }),
    ...(tool === undefined
      ? piecesOf(speech.words, 1).map((content) => chunk({ content }))
      : toolDeltas(tool).map((call) => chunk({ tool_calls: [call] }))),
  ];
  const usage = request.includeUsage ? data({ ...head, choices: [], usage: chatUsage(request) }) : "";
  parts.push(`${chunk({}, finishReason(request))}${usage}data: [DONE]\n\n`);
  return parts;
}

function chatHead(object: string, request: ModelRequest): object {
  return {
    id: newId("chatcmpl-"),
    object,
    created: secondsOf(Date.now()),
    model: request.model,
    service_tier: "default",
    system_fingerprint: "fp_stand_in",
  };
}

function chatUsage({ promptTokens, outputTokens, speech }: ModelRequest): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: outputTokens,
    total_tokens: promptTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: speech.thoughts.length, audio_tokens: 0 },
  };
}

function finishReason(request: ModelRequest): string {
  return request.tool !== undefined ? "tool_calls" : request.speech.cut ? "length" : "stop";
}

function toolCall(tool: NonNullable<ModelRequest["tool"]>): object {
  return { id: newId("call_"), type: "function", function: tool };
}

/** The first names the call, the others bring its arguments in pieces. */
function toolDeltas(tool: NonNullable<ModelRequest["tool"]>): object[] {
  const middle = Math.ceil(tool.arguments.length / 2);
  const pieces = [tool.arguments.slice(0, middle), tool.arguments.slice(middle)];
  return [
    { index: 0, ...toolCall({ ...tool, arguments: "" }) },
    ...pieces.map((piece) => ({ index: 0, function: { arguments: piece } })),
  ];
}
