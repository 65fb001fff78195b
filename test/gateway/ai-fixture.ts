/** Calls to an AI provider through a gateway, and what their upstream answers. */

import type { ServerResponse } from "node:http";
import type { Gateway } from "../../src/gateway/index.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import type { Policy } from "../../src/policy/policy.ts";
import type { Arrival } from "./fixture.ts";

export const MODEL = "claude-opus-4-7";

/** The body of one call of a model. */
export function messageBody(more: Readonly<Record<string, unknown>> = {}): string {
  const messages = [{ role: "user", content: "hello" }];
  return JSON.stringify({ model: MODEL, max_tokens: 50, messages, ...more });
}

/** A policy of one Anthropic resource named "claude", as text; `more` goes beside `resources`. */
export function claudePolicy(
  upstream: string,
  claude: Readonly<Record<string, unknown>> = {},
  more: Readonly<Record<string, unknown>> = {},
): string {
  const { resources, ...rest } = more as { resources?: object };
  return JSON.stringify({
    resources: { claude: { provider: "anthropic", upstream, limit: 1, ...claude }, ...resources },
    ...rest,
  });
}

/** Puts an edited policy in force, as the command does when its file changes. */
export async function edit(gateway: Gateway, text: string): Promise<Policy> {
  const policy = await parsePolicy(text, { file: "laneway.yaml", env: {} });
  gateway.laneway.update(policy);
  return policy;
}

/** An error as the provider writes it. */
export function errorBody(type: string, message = "No.", details?: object): string {
  return JSON.stringify({
    type: "error",
    error: { type, message, ...(details === undefined ? {} : { details }) },
    request_id: "req_1",
  });
}

/** A whole reply with its usage. */
export function messageReply(inputTokens = 10, outputTokens = 5): string {
  return JSON.stringify({
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: MODEL,
    content: [{ type: "text", text: "hi" }],
    stop_reason: "end_turn",
    usage: { input_tokens: inputTokens, output_tokens: outputTokens },
  });
}

/** The events of a streamed reply. */
export function messageEvents(inputTokens = 10, outputTokens = 5): string[] {
  const event = (type: string, data: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
  return [
    event("message_start", {
      message: {
        id: "msg_1",
        type: "message",
        model: MODEL,
        usage: { input_tokens: inputTokens, output_tokens: 1 },
      },
    }),
    event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "hi" } }),
    event("content_block_stop", { index: 0 }),
    event("message_delta", {
      delta: { stop_reason: "end_turn" },
      usage: { output_tokens: outputTokens },
    }),
    event("message_stop", {}),
  ];
}

/** Answers a call with JSON. */
export function answer(
  res: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  res.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
}

/** The body that an upstream was sent. */
export async function bodyOf({ req }: Arrival): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
