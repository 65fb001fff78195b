/** The protocols there are. A new one is a file beside this one and a line in each of the two lists. */

import type { Provider as ProviderName } from "../policy/policy.ts";
import { anthropic } from "./anthropic.ts";
import { http } from "./http.ts";
import { openai } from "./openai.ts";
import type { HeaderOf, Provider } from "./provider.ts";

export const PROVIDERS: Readonly<Record<ProviderName, Provider>> = { http, anthropic, openai };

/** In the order they are asked: where two share a path, the one that looks at headers comes first. */
const ASKED: readonly Provider[] = [anthropic, openai];

/** The protocol that a request belongs to by its shape; undefined for a path that none claims. */
export function providerByShape(path: string, header: HeaderOf): Provider | undefined {
  return ASKED.find((provider) => provider.owns(path, header));
}

/** The protocol that a public API's host speaks; plain HTTP, which takes every path, for any other host. */
export function providerOfHost(host: string): ProviderName {
  return ASKED.find((provider) => provider.publicHost === host)?.name ?? "http";
}
