import { headerOf } from "../../calls/laned-http.ts";
import { outgoing } from "../../calls/outgoing.ts";
import type { Resource } from "../../core/resource.ts";
import { PROVIDERS } from "../../providers/known.ts";
import { lanedRequest } from "./laned-request.ts";
import { trafficBy } from "./options.ts";
import type { AiLanesOptions } from "./options.ts";

/** A request as the Anthropic SDK hands it to its middleware. */
export interface AnthropicRequest {
  url: string;
  headers: Headers;
  method?: string;
  body?: unknown;
  signal?: AbortSignal | null;
}

/** The Anthropic SDK's `Middleware`, as far as it is used here: the package itself is not needed. */
export type AnthropicMiddleware = <Request extends AnthropicRequest>(
  request: Request,
  next: (request: Request) => Promise<Response>,
  context: { readonly options?: object | undefined },
) => Promise<Response>;

/**
 * Middleware for the Anthropic SDK, from 1.0 on: each call waits for its turn in its lane, within the resource's seats
 * and rate budgets, is retried at its own place, and holds its seat until the body of its reply has ended. The SDK's
 * time-out does not run while a call waits here, only while it is sent; so it bounds each try, and the lane's time-out
 * the whole.
 *
 * A call names its lane by the header `laneway-lane`; else the option's, else the async context's. Refusals come as the
 * SDK's own error classes, as with `aiFetch`: the SDK passes on what a middleware throws, but repeats it first when its
 * text has "timeout" in it, and then tells of a lost connection instead.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option.
 * @example
 * const client = new Anthropic({ middleware: [anthropicLanes(resource, { lane: "chat" })] });
 * await client.messages.create(question, { headers: { "laneway-lane": "batch" } });
 */
export function anthropicLanes(resource: Resource, options: AiLanesOptions = {}): AnthropicMiddleware {
  const trafficTo = trafficBy("anthropicLanes", resource, options);
  // The SDK makes every try of a call with the same options: they tell a call that comes back.
  const waits = new WeakMap<object, number>();
  return async (given, next, context) => {
    const id = context.options;
    // Without options it is the SDK's own call for an access token, which takes none of the model's seats.
    if (id === undefined) return next(given);
    const provider = PROVIDERS[options.provider ?? "anthropic"];
    const request = await outgoing(given.url, {
      method: given.method ?? "GET",
      headers: given.headers,
      body: given.body as NonNullable<RequestInit["body"]>,
      signal: given.signal ?? null,
    });
    const isRepeated = provider.clientRetries(headerOf(given.headers)) > 0;
    const waitedMs = isRepeated ? (waits.get(id) ?? 0) : 0;
    return lanedRequest({
      resource,
      traffic: trafficTo(provider),
      options,
      request,
      waitedMs,
      send: (headers, signal) => next({ ...given, headers, signal }),
      onRefused: (error) => waits.set(id, waitedMs + error.waitMs),
    });
  };
}
