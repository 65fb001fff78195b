/**
 * `laneway/web`: lanes in front of a web-standard handler, `Request` to `Response`: a route handler of Next, an h3 or
 * Hono application, or what Bun, Deno and workers serve.
 */

import { invalid } from "../core/errors.ts";
import type { LanewayError } from "../core/errors.ts";
import type { Laneway } from "../policy/laneway.ts";
import { Gate } from "../requests/gate.ts";
import type { LaneOptions } from "../requests/options.ts";
import { admitWeb } from "../requests/web-admit.ts";
import type { WebVisitor } from "../requests/web-admit.ts";

export { admissionOf } from "../requests/admission.ts";
export type { Admission } from "../requests/admission.ts";

/** Options of `webLanes`; all have safe defaults. */
export interface WebLanesOptions extends LaneOptions<
  Request,
  (refusal: LanewayError, request: Request) => Response | undefined | Promise<Response | undefined>
> {
  /**
   * The client's address, for `trust.callers[].cidr` and for flows. Default: unknown, for a `Request` does not hold it.
   * Take it from the runtime, or from a header that your own proxy sets.
   */
  readonly address?: (request: Request) => string | undefined;
}

/** A web-standard handler, with whatever its framework adds after the request. */
export type WebHandler<Rest extends readonly unknown[]> = (
  request: Request,
  ...rest: Rest
) => Response | PromiseLike<Response>;

const LANED: unique symbol = Symbol("laneway.laned");

/**
 * The same handler, which runs when the request's turn comes in its lane; otherwise the reply is 503, 429 or 504 with
 * `retry-after`. The seat is held until the body of the reply has ended, was cancelled, or was dropped unread. A client
 * that leaves while queued is forgotten, and the handler never runs.
 *
 * The returned handler rejects with what `handler` throws.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option, an unknown lane or resource, and a handler that has lanes
 * already.
 * @example
 * // a route handler of Next
 * export const GET = webLanes(laneway, async (request) => Response.json(await report(request)), { lane: "bulk" });
 * // a whole h3 or Hono application, on Bun, Deno or a worker
 * export default { fetch: webLanes(laneway, (request) => app.fetch(request)) };
 */
export function webLanes<Rest extends readonly unknown[] = []>(
  laneway: Laneway,
  handler: WebHandler<Rest>,
  options: WebLanesOptions = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  const { address, ...shared } = options;
  const gate = new Gate("webLanes", laneway, shared);
  if (typeof handler !== "function") throw invalid("webLanes: handler", "a function", handler);
  if (LANED in handler)
    throw invalid("webLanes: handler", "a handler without lanes", "one of webLanes", "wrap it once");
  if (address !== undefined && typeof address !== "function")
    throw invalid("webLanes: address", "a function", address);
  const { onShed } = gate.options;
  const laned = (request: Request, ...rest: Rest): Promise<Response> =>
    admitWeb(gate, request, new Call(request, address?.(request), handler, rest, onShed));
  return Object.assign(laned, { [LANED]: true });
}

type OnShed = WebLanesOptions["onShed"];

class Call<Rest extends readonly unknown[]> implements WebVisitor<Request> {
  readonly subject: Request;
  readonly address: string | undefined;
  readonly #handler: WebHandler<Rest>;
  readonly #rest: Rest;
  readonly #onShed: OnShed;

  constructor(
    subject: Request,
    address: string | undefined,
    handler: WebHandler<Rest>,
    rest: Rest,
    onShed: OnShed,
  ) {
    this.subject = subject;
    this.address = address;
    this.#handler = handler;
    this.#rest = rest;
    this.#onShed = onShed;
  }

  handle(): Response | PromiseLike<Response> {
    // Called by no name: what it is to be `this` is not ours to say.
    const handler = this.#handler;
    return handler(this.subject, ...this.#rest);
  }

  shed(refusal: LanewayError): Response | undefined | Promise<Response | undefined> {
    const onShed = this.#onShed;
    return onShed?.(refusal, this.subject);
  }
}
