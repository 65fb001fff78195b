import { createHash } from "node:crypto";
import { ReturnCredit } from "../../calls/credit.ts";
import { headerOf } from "../../calls/laned-http.ts";
import { outgoing, tryOf } from "../../calls/outgoing.ts";
import type { Outgoing } from "../../calls/outgoing.ts";
import { followed } from "../../calls/redirects.ts";
import type { Resource } from "../../core/resource.ts";
import { lanedRequest, providerOf } from "./laned-request.ts";
import { trafficBy } from "./options.ts";
import type { AiLanesOptions } from "./options.ts";

/** Options of `aiFetch`. */
export interface AiFetchOptions extends AiLanesOptions {
  /** What sends the requests. Default: the global `fetch`. Its replies must have web streams as bodies. */
  readonly fetch?: typeof fetch;
}

/** Our answer must reach the client before its own timer goes off, which it would take for a lost connection. */
const MARGIN = { part: 0.05, mostMs: 250 } as const;

/**
 * A `fetch` for AI clients under a resource: each call waits for its turn in its lane, within the resource's seats and
 * rate budgets, is retried at its own place, and holds its seat until the body of its reply has ended. For
 * `new OpenAI({ fetch })`, `createAnthropic({ fetch })`, LangChain, and Anthropic SDKs before 1.0.
 *
 * A call names its lane by the header `laneway-lane` (and its flow by `laneway-flow`), which go no further; else the
 * option's, else the async context's. The SDK's time-out header is the task's deadline. A refusal comes as a `Response`
 * in the provider's error shape, so that SDKs throw their own error class, with `laneway-reason`, `laneway-lane`,
 * `laneway-wait-ms`, and `retry-after` or `x-should-retry: false`: an error thrown instead would be taken for a lost
 * connection and tried again. A failing reply that was retried here says `x-should-retry: false` too, so that the SDK
 * does not multiply our tries by its own (the Vercel AI SDK takes no notice: give it `maxRetries: 0`).
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option.
 * @example
 * const openai = new OpenAI({ fetch: aiFetch(resource, { lane: "chat" }) });
 * await openai.responses.create({ model, input }, { headers: { "laneway-lane": "batch" } });
 */
export function aiFetch(resource: Resource, options: AiFetchOptions = {}): typeof fetch {
  const trafficTo = trafficBy("aiFetch", resource, options);
  const credit = new ReturnCredit<string>();
  return async (input, init) => {
    const send = options.fetch ?? fetch;
    const request = await outgoing(input, init);
    const header = headerOf(request.headers);
    const provider = providerOf(options, request.url, header);
    const traffic = trafficTo(provider);
    const timeoutMs = provider.clientTimeoutMs(header);
    const deadline =
      timeoutMs === undefined
        ? undefined
        : traffic.now() + timeoutMs - Math.min(MARGIN.mostMs, timeoutMs * MARGIN.part);
    const isRepeated = provider.clientRetries(header) > 0;
    const waitedMs = isRepeated ? credit.take(fingerprint(request), traffic.now()) : 0;
    return lanedRequest({
      resource,
      traffic,
      options,
      request,
      deadline,
      waitedMs,
      send: (headers, signal) =>
        options.keys === undefined
          ? send(request.url, tryOf(request, headers, signal))
          : sendKept(send, request, headers, signal, provider.credentialHeaders),
      onRefused: (error) => credit.refused(fingerprint(request), waitedMs + error.waitMs, traffic.now()),
    });
  };
}

/**
 * The same with a key of ours: `fetch` takes `authorization` from a call that is redirected to another origin, and would send
 * any other header that a key is in to wherever the reply points.
 */
function sendKept(
  send: typeof fetch,
  request: Outgoing,
  headers: Headers,
  signal: AbortSignal,
  credentialHeaders: readonly string[],
): Promise<Response> {
  const { url, method, body, repeatable, init } = request;
  if ((init.redirect ?? "follow") !== "follow") return send(url, tryOf(request, headers, signal));
  return followed(
    { url, method, headers, body },
    {
      repeatable,
      ofTheOrigin: credentialHeaders,
      isWatched: () => true,
      send(hop, redirect) {
        const { body: _first, ...rest } = tryOf(request, hop.headers, signal);
        const own = hop.body === undefined ? {} : { body: hop.body };
        return send(hop.url, { ...rest, ...own, method: hop.method, redirect });
      },
    },
  );
}

/** What identifies a call that its client sends again, byte for byte. */
function fingerprint({ method, url, flow, bytes }: Outgoing): string {
  const hash = createHash("sha256").update(JSON.stringify([method, url, flow]));
  if (bytes !== undefined) hash.update(bytes);
  return hash.digest("base64");
}
