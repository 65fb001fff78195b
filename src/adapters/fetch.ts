/** `laneway/fetch`: any HTTP call going out, under a resource. */

import { isTold, originsOf, tell, toldHere } from "../calls/forwarding.ts";
import type { Told } from "../calls/forwarding.ts";
import { isIdempotent } from "../calls/idempotent.ts";
import { lanedHttp } from "../calls/laned-http.ts";
import { nextServiceOf } from "../calls/next-service.ts";
import { outgoing, tryOf } from "../calls/outgoing.ts";
import type { Outgoing } from "../calls/outgoing.ts";
import { followed } from "../calls/redirects.ts";
import { checkedRetry } from "../calls/retry.ts";
import { trafficOf } from "../calls/shared-traffic.ts";
import { taskOf } from "../calls/task.ts";
import { invalid } from "../core/errors.ts";
import type { Resource } from "../core/resource.ts";
import { forwardToOf } from "../policy/forward-to.ts";
import { PROVIDERS } from "../providers/known.ts";

/** Options of `lanedFetch`; every one has a default. */
export interface LanedFetchOptions {
  /** The lane of calls that name none themselves. Default: that of the async context, else the resource's default. */
  readonly lane?: string;
  /** Who is asking: the unit of fairness inside a lane. Default: the async context's. */
  readonly flow?: string;
  /**
   * All tries of a call by an idempotent method, 1 to 10, and retries as a fraction of a lane's calls. Default 1, so
   * nothing is retried, and 0.1.
   */
  readonly retry?: { readonly attempts?: number; readonly budget?: number };
  /**
   * Origins such as `http://billing.internal` that are told the lane and the remaining deadline of the work that calls
   * them, in `x-laneway-lane`, `x-laneway-deadline-ms` and W3C `baggage`. Default: `trust.forwardTo` of the resource's
   * policy; none for a resource without one.
   */
  readonly forwardTo?: readonly string[];
  /** What sends the requests. Default: the global `fetch`. Its replies must have web streams as bodies. */
  readonly fetch?: typeof fetch;
}

const OPTIONS: ReadonlySet<string> = new Set(["lane", "flow", "retry", "forwardTo", "fetch"]);

/**
 * A `fetch` under a resource: each call waits for its turn in its lane and holds its seat until the body of its reply
 * has ended, is cancelled, or is dropped unread. A call names its lane by the header `laneway-lane`, which goes no
 * further; else the option's, else the async context's.
 *
 * When the next service refuses most calls of a lane with 429 or 503 and `retry-after`, further calls of that lane and of
 * those below it are refused at once with `LANEWAY_REJECTED` until that time is over, and counted by the resource as
 * rejected, for the reason `next-service`.
 *
 * The returned function rejects with the `LanewayError` of a refusal, and with the reason of the call's signal when that
 * aborts, in the queue too.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option.
 * @example
 * const fetchReports = lanedFetch(reports, { lane: "bulk", retry: { attempts: 3 } });
 * const report = await (await fetchReports("http://reports.internal/daily")).json();
 */
export function lanedFetch(resource: Resource, options: LanedFetchOptions = {}): typeof fetch {
  const retry = checked(resource, options);
  const forwardTo = originsOf("lanedFetch", options.forwardTo);
  const traffic = trafficOf(resource, PROVIDERS.http, retry);
  const next = nextServiceOf(resource);
  return async (input, init) => {
    const send = options.fetch ?? fetch;
    const request = await outgoing(input, init);
    const { method, headers, signal } = request;
    const lane = request.lane ?? options.lane;
    const told = toldHere(lane);
    const task = taskOf({ lane, flow: request.flow ?? options.flow, signal });
    const refused = next.refused(told.lane, task);
    if (refused !== undefined) throw refused;
    const plan = traffic.begin({ method, path: "/", lane: told.lane, body: undefined });
    return lanedHttp({
      resource,
      traffic,
      plan,
      task,
      headers,
      repeatable: request.repeatable && retry.attempts > 1 && isIdempotent(method),
      tellsSdk: false,
      send: (own, permitSignal) =>
        sendOn(send, {
          request,
          headers: own,
          signal: permitSignal,
          told,
          origins: forwardTo ?? forwardToOf(resource),
        }),
      replied: (permit, status, header) => next.replied(told.lane, permit.lane, status, header),
    });
  };
}

/** One try of a call. */
interface Try {
  readonly request: Outgoing;
  readonly headers: Headers;
  readonly signal: AbortSignal;
  readonly told: Told;
  readonly origins: readonly string[];
}

/** Sends one try, and tells the origins that it goes to what they may know. */
function sendOn(send: typeof fetch, { request, headers, signal, told, origins }: Try): Promise<Response> {
  const { url, method, body, repeatable, init } = request;
  const isWatched = (hop: string): boolean => isTold(hop, origins);
  if (!isWatched(url) || (init.redirect ?? "follow") !== "follow") {
    tell(headers, isWatched(url), told);
    return send(url, tryOf(request, headers, signal));
  }
  return followed(
    { url, method, headers, body },
    {
      repeatable,
      isWatched,
      send(hop, redirect) {
        tell(hop.headers, isWatched(hop.url), told);
        const { body: _first, ...rest } = tryOf(request, hop.headers, signal);
        const own = hop.body === undefined ? {} : { body: hop.body };
        return send(hop.url, { ...rest, ...own, method: hop.method, redirect });
      },
    },
  );
}

function checked(
  resource: Resource,
  options: LanedFetchOptions,
): { readonly attempts: number; readonly budget: number } {
  if (typeof resource?.acquire !== "function") throw invalid("lanedFetch", "a Resource", resource);
  for (const key of Object.keys(options))
    if (!OPTIONS.has(key)) throw invalid("lanedFetch", `an option out of ${[...OPTIONS].join(", ")}`, key);
  return checkedRetry("lanedFetch", options.retry, { attempts: 1, budget: 0.1 });
}
