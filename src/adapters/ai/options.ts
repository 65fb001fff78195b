/** What all three AI adapters can be told, and what they make of it. */

import { checkedRetry } from "../../calls/retry.ts";
import { trafficOf } from "../../calls/shared-traffic.ts";
import type { Traffic } from "../../calls/traffic.ts";
import { invalid } from "../../core/errors.ts";
import type { Resource } from "../../core/resource.ts";
import type { Provider } from "../../providers/provider.ts";

/** Options of `aiFetch`, `anthropicLanes` and `languageModelLanes`; every one has a default. */
export interface AiLanesOptions {
  /** The protocol that the upstream speaks. Default: what each request looks like. */
  readonly provider?: "anthropic" | "openai";
  /** The lane of calls that name none themselves. Default: that of the async context, else the resource's default. */
  readonly lane?: string;
  /** Who is asking, for calls that do not say: the unit of fairness inside a lane. Default: the async context's. */
  readonly flow?: string;
  /** Keys of the account: one is put into each call in place of the client's own. Default: the client's own is sent. */
  readonly keys?: readonly string[];
  /**
   * All tries of one call, 1 to 10, and retries as a fraction of a lane's calls. Default 3 and 0.1. With `attempts: 1`
   * nothing is retried here, and the SDK retries by its own rules.
   */
  readonly retry?: { readonly attempts?: number; readonly budget?: number };
}

const ATTEMPTS = 3;
const RETRY_BUDGET = 0.1;
const KEYS: ReadonlySet<string> = new Set(["provider", "lane", "flow", "keys", "retry", "fetch"]);

/** Checks the options once, and returns what finds the traffic to a provider. */
export function trafficBy(
  place: string,
  resource: Resource,
  options: AiLanesOptions,
): (provider: Provider) => Traffic {
  if (typeof resource?.acquire !== "function") throw invalid(place, "a Resource", resource);
  for (const key of Object.keys(options))
    if (!KEYS.has(key)) throw invalid(place, `an option out of ${[...KEYS].join(", ")}`, key);
  const { provider, keys } = options;
  if (provider !== undefined && provider !== "anthropic" && provider !== "openai")
    throw invalid(`${place}: provider`, '"anthropic" or "openai"', provider);
  // What was found is not shown: it is meant to be a secret.
  if (
    keys !== undefined &&
    !(Array.isArray(keys) && keys.every((key) => typeof key === "string" && key !== ""))
  )
    throw invalid(`${place}: keys`, "a list of keys", undefined, "none of them may be empty");
  const retry = checkedRetry(place, options.retry, { attempts: ATTEMPTS, budget: RETRY_BUDGET });
  return (to) => trafficOf(resource, to, { keys, ...retry });
}
