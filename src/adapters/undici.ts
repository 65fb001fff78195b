/** `laneway/undici`: every call of an undici dispatcher, and of the `fetch` that uses it, under a resource. */

import type { Dispatcher } from "undici";
import { originsOf, toldHere } from "../calls/forwarding.ts";
import { isIdempotent } from "../calls/idempotent.ts";
import { nextServiceOf } from "../calls/next-service.ts";
import { checkedRetry } from "../calls/retry.ts";
import { trafficOf } from "../calls/shared-traffic.ts";
import { taskOf } from "../calls/task.ts";
import { invalid } from "../core/errors.ts";
import type { Resource } from "../core/resource.ts";
import { forwardToOf } from "../policy/forward-to.ts";
import { PROVIDERS } from "../providers/known.ts";
import { changeableHeaders } from "./undici/headers.ts";
import { LanedCall } from "./undici/laned-call.ts";

/** Options of `undiciLanes`; every one has a default. */
export interface UndiciLanesOptions {
  /** The lane of calls that name none themselves. Default: that of the async context, else the resource's default. */
  readonly lane?: string;
  /** Who is asking: the unit of fairness inside a lane. Default: the async context's. */
  readonly flow?: string;
  /**
   * All tries of a call by an idempotent method whose body is none, text or bytes: 1 to 10; and retries as a fraction of
   * a lane's calls. Default 1, so nothing is retried, and 0.1.
   */
  readonly retry?: { readonly attempts?: number; readonly budget?: number };
  /**
   * Origins such as `http://billing.internal` that are told the lane and the remaining deadline of the work that calls
   * them, in `x-laneway-lane`, `x-laneway-deadline-ms` and W3C `baggage`. Default: `trust.forwardTo` of the resource's
   * policy; none for a resource without one.
   */
  readonly forwardTo?: readonly string[];
}

const OPTIONS: ReadonlySet<string> = new Set(["lane", "flow", "retry", "forwardTo"]);

/**
 * An interceptor for `dispatcher.compose`: each call waits for its turn in its lane and holds its seat until its reply is
 * over. A call names its lane by the header `laneway-lane`, which goes no further; else the option's, else the async
 * context's. A refused call fails with the `LanewayError` of its refusal, as `fetch` does with that as its cause.
 *
 * With `retry.attempts`, a call whose reply is an error that may pass, or that got none, goes back to its own place in
 * its lane, for as long as `retry-after` says at least. Its caller sees one reply: that of the last try, unchanged. What
 * has begun to answer well is never sent again, nor is a body that can be read once, such as every body of `fetch`.
 *
 * While the next service refuses most calls of a lane with 429 or 503 and `retry-after`, further calls of that lane and
 * of those below it fail at once with `LANEWAY_REJECTED`, and are counted by the resource.
 *
 * Compose it before interceptors that send again (`redirect`, `retry`): each of their calls then has a seat, and headers,
 * of its own.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option.
 * @example
 * setGlobalDispatcher(new Agent().compose(undiciLanes(billing, { retry: { attempts: 3 } }), interceptors.redirect()));
 */
export function undiciLanes(
  resource: Resource,
  options: UndiciLanesOptions = {},
): Dispatcher.DispatcherComposeInterceptor {
  const retry = checked(resource, options);
  const origins = originsOf("undiciLanes", options.forwardTo);
  const forwardTo = (): readonly string[] => origins ?? forwardToOf(resource);
  const traffic = retry.attempts === 1 ? undefined : trafficOf(resource, PROVIDERS.http, retry);
  const next = nextServiceOf(resource);
  return (dispatch) => (given, handler) => {
    const headers = changeableHeaders(given.headers);
    const lane = headers.take("laneway-lane") ?? options.lane;
    const flow = headers.take("laneway-flow") ?? options.flow;
    const told = toldHere(lane);
    const { method } = given;
    const call = new LanedCall(handler, {
      dispatch,
      given,
      headers,
      told,
      task: taskOf({ lane, flow, signal: undefined }),
      resource,
      next,
      forwardTo,
      provider: PROVIDERS.http,
      plan: traffic?.begin({ method, path: "/", lane: told.lane, body: undefined }),
      repeatable: traffic !== undefined && isRepeatable(given),
    });
    return call.begin();
  };
}

/** Whether it does no harm to send it twice, and can be done. */
function isRepeatable({ method, body, upgrade }: Dispatcher.DispatchOptions): boolean {
  if (!isIdempotent(method) || (upgrade ?? false) !== false) return false;
  return body === undefined || body === null || typeof body === "string" || ArrayBuffer.isView(body);
}

function checked(
  resource: Resource,
  options: UndiciLanesOptions,
): { readonly attempts: number; readonly budget: number } {
  if (typeof resource?.acquire !== "function") throw invalid("undiciLanes", "a Resource", resource);
  for (const key of Object.keys(options))
    if (!OPTIONS.has(key)) throw invalid("undiciLanes", `an option out of ${[...OPTIONS].join(", ")}`, key);
  return checkedRetry("undiciLanes", options.retry, { attempts: 1, budget: 0.1 });
}
