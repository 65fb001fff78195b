/** What the official SDKs of both AI providers, made by one generator, say about themselves with each request. */

import type { HeaderOf } from "./provider.ts";

/** Longer than any client waits: what claims more says nothing. */
const MAX_TIMEOUT_S = 7 * 86_400;

/** The SDK's time-out for one try, in milliseconds. Python's says how long it waits for the next byte instead. */
export function sdkTimeoutMs(header: HeaderOf): number | undefined {
  const seconds = Number(header("x-stainless-timeout") ?? header("x-stainless-read-timeout") ?? Number.NaN);
  return seconds > 0 && seconds <= MAX_TIMEOUT_S ? Math.round(seconds * 1_000) : undefined;
}

/** How often the SDK has sent this request before. */
export function sdkRetries(header: HeaderOf): number {
  const retries = Number(header("x-stainless-retry-count") ?? 0);
  return Number.isSafeInteger(retries) && retries > 0 ? retries : 0;
}
