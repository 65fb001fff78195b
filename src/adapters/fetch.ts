/** `laneway/fetch`: any HTTP call going out, under a resource. */

import { lanedHttp } from "../calls/laned-http.ts";
import { outgoing, tryOf } from "../calls/outgoing.ts";
import { checkedRetry } from "../calls/retry.ts";
import { trafficOf } from "../calls/shared-traffic.ts";
import { taskOf } from "../calls/task.ts";
import { invalid } from "../core/errors.ts";
import type { Resource } from "../core/resource.ts";
import { currentLane } from "../node/context.ts";
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
  /** What sends the requests. Default: the global `fetch`. Its replies must have web streams as bodies. */
  readonly fetch?: typeof fetch;
}

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
const OPTIONS: ReadonlySet<string> = new Set(["lane", "flow", "retry", "fetch"]);

/**
 * A `fetch` under a resource: each call waits for its turn in its lane and holds its seat until the body of its reply
 * has ended, is cancelled, or is dropped unread. A call names its lane by the header `laneway-lane`, which goes no
 * further; else the option's, else the async context's.
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
  const traffic = trafficOf(resource, PROVIDERS.http, retry);
  return async (input, init) => {
    const send = options.fetch ?? fetch;
    const request = await outgoing(input, init);
    const { method, headers, signal } = request;
    const lane = request.lane ?? options.lane;
    const plan = traffic.begin({ method, path: "/", lane: lane ?? currentLane(), body: undefined });
    return lanedHttp({
      resource,
      traffic,
      plan,
      task: taskOf({ lane, flow: request.flow ?? options.flow, signal }),
      headers,
      repeatable: request.repeatable && retry.attempts > 1 && IDEMPOTENT.has(method),
      tellsSdk: false,
      send: (own, permitSignal) => send(request.url, tryOf(request, own, permitSignal)),
    });
  };
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
