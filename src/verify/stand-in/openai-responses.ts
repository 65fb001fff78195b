/** The responses API: typed items, and streams of typed events. */

import { piecesOf } from "./made-up.ts";
import { data, newId, secondsOf } from "./openai-ids.ts";
import type { ModelRequest } from "./openai-request.ts";
import type { Listed } from "./paging.ts";

type Item = { readonly id: string; readonly type: string; readonly [field: string]: unknown };

/** One item as it grows: how it begins, the events that fill it, and how it ends. */
interface GrowingItem {
  readonly empty: Item;
  readonly whole: Item;
  readonly events: readonly (readonly [type: string, fields: object])[];
}

/** A response as one object. */
export function response(request: ModelRequest, id: string = newId("resp_")): Listed {
  return wholeResponse(
    request,
    id,
    itemsOf(request, id).map(({ whole }) => whole),
  );
}

/** Typed events with running numbers, and no `[DONE]`: the responses API ends with `response.completed`. */
export function responseStream(request: ModelRequest): string[] {
  const id = newId("resp_");
  let sequence = 0;
  const event = (type: string, fields: object): string =>
    `event: ${type}\n${data({ type, sequence_number: sequence++, ...fields })}`;
  const begun = { ...responseHead(request, id), status: "in_progress", output: [], usage: null };
  const parts = [
    event("response.created", { response: begun }) + event("response.in_progress", { response: begun }),
  ];
  const items = itemsOf(request, id);
  items.forEach(({ empty, whole, events }, at) => {
    parts[parts.length - 1] += event("response.output_item.added", { output_index: at, item: empty });
    for (const [type, fields] of events) {
      const text = event(type, { item_id: empty.id, output_index: at, ...fields });
      // A part of its own for what the model writes; what frames it travels with it.
      if (type.endsWith(".delta")) parts.push(text);
      else parts[parts.length - 1] += text;
    }
    parts[parts.length - 1] += event("response.output_item.done", { output_index: at, item: whole });
  });
  const whole = items.map((item) => item.whole);
  const end = request.speech.cut ? "response.incomplete" : "response.completed";
  parts.push(event(end, { response: wholeResponse(request, id, whole) }));
  return parts;
}

function wholeResponse(request: ModelRequest, id: string, output: readonly Item[]): Listed {
  const { promptTokens, outputTokens, speech } = request;
  return {
    ...responseHead(request, id),
    ...(speech.cut
      ? { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }
      : { status: "completed" }),
    output,
    usage: {
      input_tokens: promptTokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: speech.thoughts.length },
      total_tokens: promptTokens + outputTokens,
    },
  };
}

function responseHead({ model, maxOutputTokens }: ModelRequest, id: string): Listed {
  return {
    id,
    object: "response",
    created_at: secondsOf(Date.now()),
    model,
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    parallel_tool_calls: true,
    max_output_tokens: maxOutputTokens,
    temperature: 1,
    top_p: 1,
    tool_choice: "auto",
    tools: [],
    previous_response_id: null,
    service_tier: "default",
    text: { format: { type: "text" } },
  };
}

function itemsOf(request: ModelRequest, id: string): GrowingItem[] {
  const { speech, tool } = request;
  const last = tool === undefined ? messageItem(speech.words, id) : toolItem(tool, id);
  return speech.thoughts.length === 0 ? [last] : [reasoningItem(speech.thoughts, id), last];
}

function messageItem(words: readonly string[], id: string): GrowingItem {
  const text = words.join(" ");
  const part = { type: "output_text", text, annotations: [], logprobs: [] };
  const frame = { id: `msg_${id}`, type: "message", role: "assistant" };
  const at = { content_index: 0 };
  return {
    empty: { ...frame, status: "in_progress", content: [] },
    whole: { ...frame, status: "completed", content: [part] },
    events: [
      ["response.content_part.added", { ...at, part: { ...part, text: "" } }],
      ...piecesOf(words, 1).map(
        (delta) => ["response.output_text.delta", { ...at, delta, logprobs: [] }] as const,
      ),
      ["response.output_text.done", { ...at, text, logprobs: [] }],
      ["response.content_part.done", { ...at, part }],
    ],
  };
}

function toolItem(tool: NonNullable<ModelRequest["tool"]>, id: string): GrowingItem {
  const frame = { id: `fc_${id}`, type: "function_call", call_id: `call_${id}`, name: tool.name };
  const middle = Math.ceil(tool.arguments.length / 2);
  const pieces = [tool.arguments.slice(0, middle), tool.arguments.slice(middle)];
  return {
    empty: { ...frame, status: "in_progress", arguments: "" },
    whole: { ...frame, status: "completed", arguments: tool.arguments },
    events: [
      ...pieces.map((delta) => ["response.function_call_arguments.delta", { delta }] as const),
      ["response.function_call_arguments.done", { name: tool.name, arguments: tool.arguments }],
    ],
  };
}

function reasoningItem(thoughts: readonly string[], id: string): GrowingItem {
  const text = thoughts.join(" ");
  const part = { type: "summary_text", text };
  const frame = { id: `rs_${id}`, type: "reasoning" };
  const at = { summary_index: 0 };
  return {
    empty: { ...frame, summary: [] },
    whole: { ...frame, summary: [part] },
    events: [
      ["response.reasoning_summary_part.added", { ...at, part: { ...part, text: "" } }],
      ...piecesOf(thoughts, 4).map(
        (delta) => ["response.reasoning_summary_text.delta", { ...at, delta }] as const,
      ),
      ["response.reasoning_summary_text.done", { ...at, text }],
      ["response.reasoning_summary_part.done", { ...at, part }],
    ],
  };
}
