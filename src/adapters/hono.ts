/** `laneway/hono`: lanes in front of a Hono 4 application or of its routes, on Node and on web-standard runtimes. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { invalid } from "../core/errors.ts";
import type { LanewayError } from "../core/errors.ts";
import type { Laneway } from "../policy/laneway.ts";
import { admissionOf as admissionOfRequest } from "../requests/admission.ts";
import type { Admission } from "../requests/admission.ts";
import { Gate } from "../requests/gate.ts";
import { admit } from "../requests/node-admit.ts";
import type { Visitor } from "../requests/node-admit.ts";
import type { LaneOptions } from "../requests/options.ts";
import { admitWeb } from "../requests/web-admit.ts";
import type { WebVisitor } from "../requests/web-admit.ts";

export type { Admission } from "../requests/admission.ts";

/** What is used of Hono's context. */
export interface HonoContext {
  readonly req: { readonly raw: Request };
  readonly env: unknown;
  get res(): Response;
  set res(response: Response | undefined);
}

/** Options of `honoLanes`; all have safe defaults. `Context` is Hono's own, as your functions name it. */
export interface HonoLanesOptions<Context extends HonoContext = HonoContext> extends LaneOptions<
  Context,
  (refusal: LanewayError, context: Context) => Response | undefined | Promise<Response | undefined>
> {
  /**
   * The client's address on a web-standard runtime, for `trust.callers[].cidr` and for flows; on Node it is known.
   * Default: unknown. `getConnInfo` of your runtime's part of Hono tells it.
   */
  readonly address?: (context: Context) => string | undefined;
}

/** What Hono's server for Node hands to every request. */
interface NodeBindings {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/**
 * A middleware that goes on when the request's turn comes in its lane, and answers 503, 429 or 504 with `retry-after` when
 * it does not. The seat is held until the reply is over, its stream included. On Node that is told by the connection,
 * elsewhere by the body of the reply.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option, an unknown lane or resource.
 * @example
 * app.use(honoLanes(laneway));
 * app.get("/export", honoLanes(laneway, { lane: "bulk" }), exportAll);
 */
export function honoLanes<Context extends HonoContext = HonoContext>(
  laneway: Laneway,
  options: HonoLanesOptions<Context> = {},
): (context: Context, next: () => Promise<void>) => Promise<Response | void> {
  const { address, ...shared } = options;
  const gate = new Gate<Context, NonNullable<HonoLanesOptions<Context>["onShed"]>>(
    "honoLanes",
    laneway,
    shared,
  );
  if (address !== undefined && typeof address !== "function")
    throw invalid("honoLanes: address", "a function", address);
  const { onShed } = gate.options;
  return (context, next) => {
    const node = nodeOf(context.env);
    if (node !== undefined) return onNode(gate, context, next, node);
    const call = new Call(context, address?.(context), next, onShed);
    return admitWeb(gate, context.req.raw, call).then((response) => {
      // Hono adds the headers of the reply there is to the one that follows it. One that was made from it has them.
      if (call.isMade) context.res = undefined;
      context.res = response;
    });
  };
}

type OnShed<Context extends HonoContext> = HonoLanesOptions<Context>["onShed"];

/** A request elsewhere than on Node: its reply is the context's. */
class Call<Context extends HonoContext> implements WebVisitor<Context> {
  readonly subject: Context;
  readonly address: string | undefined;
  isMade = false;
  readonly #next: () => Promise<void>;
  readonly #onShed: OnShed<Context>;

  constructor(
    subject: Context,
    address: string | undefined,
    next: () => Promise<void>,
    onShed: OnShed<Context>,
  ) {
    this.subject = subject;
    this.address = address;
    this.#next = next;
    this.#onShed = onShed;
  }

  async handle(): Promise<Response> {
    const next = this.#next;
    await next();
    this.isMade = true;
    return this.subject.res;
  }

  shed(refusal: LanewayError): Response | undefined | Promise<Response | undefined> {
    const onShed = this.#onShed;
    return onShed?.(refusal, this.subject);
  }
}

/**
 * How a request was let in; undefined when it was not, or was skipped.
 *
 * @example
 * app.get("/search", async (c) => c.json(await search(c.req.query("q"), { signal: admissionOf(c)?.signal })));
 */
export function admissionOf(context: HonoContext): Admission | undefined {
  return admissionOfRequest(nodeOf(context.env)?.incoming ?? context.req.raw);
}

function nodeOf(env: unknown): NodeBindings | undefined {
  if (typeof env !== "object" || env === null || !("outgoing" in env) || !("incoming" in env))
    return undefined;
  const { outgoing } = env as NodeBindings;
  return typeof outgoing?.writeHead === "function" ? (env as NodeBindings) : undefined;
}

/** The reply was written to Node's own: Hono's server for Node knows it by this header. */
function alreadySent(): Response {
  const response = new Response(null, { headers: { "x-hono-already-sent": "true" } });
  // Hono's server for Node makes light replies, and writes the head of one that it keeps as such without a look at its
  // headers. To ask for the body makes it a whole one.
  void response.body;
  return response;
}

function onNode<Context extends HonoContext>(
  gate: Gate<Context, NonNullable<HonoLanesOptions<Context>["onShed"]>>,
  context: Context,
  next: () => Promise<void>,
  { incoming, outgoing }: NodeBindings,
): Promise<Response | void> {
  const call = new NodeCall(context, next, gate.options.onShed);
  admit(gate, incoming, outgoing, call);
  return call.outcome();
}

/** A request on Node: its reply is written to Node's own, and Hono waits for this middleware. */
class NodeCall<Context extends HonoContext> implements Visitor<Context> {
  readonly request: Context;
  readonly #next: () => Promise<void>;
  readonly #onShed: OnShed<Context>;
  #outcome: Promise<Response | void> | undefined = undefined;
  #resolve: ((outcome: Response | Promise<Response | void>) => void) | undefined = undefined;

  constructor(request: Context, next: () => Promise<void>, onShed: OnShed<Context>) {
    this.request = request;
    this.#next = next;
    this.#onShed = onShed;
  }

  /** What Hono waits for: with a seat at once it is the handler itself, for each promise more costs as much as a seat. */
  outcome(): Promise<Response | void> {
    return (this.#outcome ??= new Promise((resolve) => {
      this.#resolve = resolve;
    }));
  }

  start(): void {
    const next = this.#next;
    this.#settle(next());
  }

  fail(fault: unknown): void {
    this.#settle(Promise.reject(fault));
  }

  over(): void {
    // After the start it is the handler that Hono waits for: what that answers is dropped.
    this.#settle(Promise.resolve(alreadySent()));
  }

  async shed(refusal: LanewayError): Promise<boolean> {
    const onShed = this.#onShed;
    const own = await onShed?.(refusal, this.request);
    if (own !== undefined) this.#settle(Promise.resolve(own));
    return own !== undefined;
  }

  /** The first counts. */
  #settle(outcome: Promise<Response | void>): void {
    const resolve = this.#resolve;
    if (resolve === undefined) this.#outcome ??= outcome;
    else resolve(outcome);
  }
}
