// example: no-run a part of main.ts
/** One way to the model for all parts of the application. Each says once which lane it is of. */

import type { Resource } from "laneway";
import { aiFetch } from "laneway/ai";
import type { Upstream } from "./upstream.ts";

/** What is asked of the model. */
export interface Question {
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
  /** Who asks. Inside a lane, askers share fairly. */
  readonly flow: string;
  readonly stream?: boolean;
  readonly signal?: AbortSignal;
}

export type Ask = (question: Question) => Promise<Response>;

/**
 * Asks in that lane. `aiFetch` waits for a seat and for budget, retries at the call's own place, and counts the tokens
 * that the reply reports. An SDK would take it as its `fetch`; here the request is written out, to need no package.
 */
export function askIn(lane: string, claude: Resource, upstream: Upstream): Ask {
  const send = aiFetch(claude, { lane, provider: "anthropic", fetch: upstream.fetch });
  return ({ model, prompt, maxTokens, flow, stream = false, signal }) =>
    send(`${upstream.url}/v1/messages`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        "x-api-key": upstream.key,
        "laneway-flow": flow,
      },
      body: JSON.stringify({
        model,
        max_tokens: maxTokens,
        stream,
        messages: [{ role: "user", content: prompt }],
      }),
      signal: signal ?? null,
    });
}

/** The text of a whole reply. Throws the provider's words, or Laneway's own in the same shape, when there is none. */
export async function textOf(reply: Response): Promise<string> {
  if (!reply.ok) throw new Error(`${reply.status}: ${await reply.text()}`);
  const { content } = (await reply.json()) as { content: readonly { readonly text?: string }[] };
  return content.map(({ text = "" }) => text).join("");
}
