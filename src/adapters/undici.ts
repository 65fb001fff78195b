/** `laneway/undici`: every call of an undici dispatcher, and of the `fetch` that uses it, under a resource. */

import type { Dispatcher } from "undici";
import { isTold, originsOf, tell, toldHere } from "../calls/forwarding.ts";
import type { Told, ToldHeaders } from "../calls/forwarding.ts";
import { nextServiceOf } from "../calls/next-service.ts";
import { invalid } from "../core/errors.ts";
import type { Permit } from "../core/permit.ts";
import type { Resource } from "../core/resource.ts";
import { forwardToOf } from "../policy/forward-to.ts";
import { CallHandler } from "./undici/call-handler.ts";
import { changeableHeaders } from "./undici/headers.ts";

/** Options of `undiciLanes`; every one has a default. */
export interface UndiciLanesOptions {
  /** The lane of calls that name none themselves. Default: that of the async context, else the resource's default. */
  readonly lane?: string;
  /** Who is asking: the unit of fairness inside a lane. Default: the async context's. */
  readonly flow?: string;
  /**
   * Origins such as `http://billing.internal` that are told the lane and the remaining deadline of the work that calls
   * them, in `x-laneway-lane`, `x-laneway-deadline-ms` and W3C `baggage`. Default: `trust.forwardTo` of the resource's
   * policy; none for a resource without one.
   */
  readonly forwardTo?: readonly string[];
}

const OPTIONS: ReadonlySet<string> = new Set(["lane", "flow", "forwardTo"]);

/**
 * An interceptor for `dispatcher.compose`: each call waits for its turn in its lane and holds its seat until its reply is
 * over. A call names its lane by the header `laneway-lane`, which goes no further; else the option's, else the async
 * context's. A refused call fails with the `LanewayError` of its refusal, as `fetch` does with that as its cause.
 *
 * Compose it before interceptors that send again (`redirect`, `retry`): each of their calls then has a seat, and headers,
 * of its own.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option.
 * @example
 * setGlobalDispatcher(new Agent().compose(undiciLanes(billing), interceptors.retry()));
 */
export function undiciLanes(
  resource: Resource,
  options: UndiciLanesOptions = {},
): Dispatcher.DispatcherComposeInterceptor {
  const forwardTo = checked(resource, options);
  const next = nextServiceOf(resource);
  return (dispatch) => (given, handler) => {
    const headers = changeableHeaders(given.headers);
    const lane = headers.take("laneway-lane") ?? options.lane;
    const flow = headers.take("laneway-flow") ?? options.flow;
    const told = toldHere(lane);
    const call = new CallHandler(handler, (permit, status, header) =>
      next.replied(told.lane, permit.lane, status, header),
    );
    const task = { ...(lane === undefined ? {} : { lane }), ...(flow === undefined ? {} : { flow }) };
    const start = (permit: Permit): boolean => {
      tellOrigin(headers, given, told, forwardTo ?? forwardToOf(resource));
      call.admitted(permit);
      try {
        return dispatch({ ...given, headers: headers.list }, call);
      } catch (error) {
        call.failed();
        throw error;
      }
    };
    try {
      next.check(told.lane);
      const permit = resource.tryAcquire(task);
      if (permit !== undefined) return start(permit);
    } catch (error) {
      call.refuse(error);
      return true;
    }
    const leaving = signalOf(given);
    resource.acquire(leaving === undefined ? task : { ...task, signal: leaving }).then(
      (permit) => {
        try {
          start(permit);
        } catch (error) {
          call.refuse(error);
        }
      },
      (error: unknown) => call.refuse(error),
    );
    return true;
  };
}

function tellOrigin(
  headers: ToldHeaders,
  { origin }: Dispatcher.DispatchOptions,
  told: Told,
  origins: readonly string[],
): void {
  tell(headers, isTold(String(origin ?? ""), origins), told);
}

/** undici's own calls hand their signal on; those of `fetch` do not, and are stopped when they start. */
function signalOf(given: Dispatcher.DispatchOptions): AbortSignal | undefined {
  const signal = "signal" in given ? given.signal : undefined;
  return signal instanceof AbortSignal ? signal : undefined;
}

function checked(resource: Resource, options: UndiciLanesOptions): readonly string[] | undefined {
  if (typeof resource?.acquire !== "function") throw invalid("undiciLanes", "a Resource", resource);
  for (const key of Object.keys(options))
    if (!OPTIONS.has(key)) throw invalid("undiciLanes", `an option out of ${[...OPTIONS].join(", ")}`, key);
  return originsOf("undiciLanes", options.forwardTo);
}
