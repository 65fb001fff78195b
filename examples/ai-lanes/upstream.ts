// example: no-run a part of main.ts
/** Where the model is: a stand-in that needs no key and enforces the account's limits, or the URL that was asked for. */

import { startStandIn } from "../../src/verify/stand-in/stand-in.ts";
import type { PolicyBudgets } from "laneway";

export const MODELS = { chat: "claude-sonnet-5-5", cheap: "claude-haiku-5-5" } as const;

export interface Upstream {
  readonly url: string;
  readonly key: string;
  /** Sends one request, and counts what the provider refuses for its rate: budgets are there to prevent it. */
  readonly fetch: typeof fetch;
  refused(): number;
  close(): Promise<void>;
}

/** A key in the environment alone is not used: only a URL on the command line spends anybody's money. */
export async function openUpstream(
  url: string | undefined,
  limits: PolicyBudgets | undefined,
): Promise<Upstream> {
  let refused = 0;
  const counted: typeof fetch = async (input, init) => {
    const reply = await fetch(input, init);
    if (reply.status === 429) refused++;
    return reply;
  };
  const common = { fetch: counted, refused: () => refused };
  if (url !== undefined) {
    const key = process.env["ANTHROPIC_API_KEY"] ?? "";
    return { ...common, url: url.replace(/\/+$/, ""), key, close: async () => {} };
  }
  const { models: _models, ...budgets } = limits ?? { models: [] };
  const standIn = await startStandIn({ atOnce: 8, runMs: 200, budgets });
  return { ...common, url: standIn.url, key: "any", close: () => standIn.close() };
}
