/** What a resource of a draft speaks, as far as can be told before its shape is known to be right. */

import type { Provider } from "./policy.ts";

const PROVIDERS: readonly unknown[] = ["http", "anthropic", "openai"] satisfies Provider[];

/** Undefined: it has no upstream. `"unknown"`: what stands there is no provider, which is reported elsewhere. */
export function providerOf(
  resource: Readonly<Record<string, unknown>> | undefined,
): Provider | "unknown" | undefined {
  if (resource === undefined) return "unknown";
  const { provider, upstream } = resource;
  if (provider === undefined) return upstream === undefined ? undefined : "http";
  return PROVIDERS.includes(provider) ? (provider as Provider) : "unknown";
}
