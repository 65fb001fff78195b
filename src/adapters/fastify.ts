/** `laneway/fastify`: lanes in front of a Fastify 5 application, as a plugin. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { invalid } from "../core/errors.ts";
import type { LanewayError } from "../core/errors.ts";
import type { Laneway } from "../policy/laneway.ts";
import { Gate } from "../requests/gate.ts";
import { Visiting, admit } from "../requests/node-admit.ts";
import type { LaneOptions } from "../requests/options.ts";

export { admissionOf } from "../requests/admission.ts";
export type { Admission } from "../requests/admission.ts";

/** What is used of Fastify's request. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  readonly routeOptions: { readonly config?: unknown };
}

/** What is used of Fastify's reply. */
export interface FastifyReplyLike {
  readonly raw: ServerResponse;
  readonly sent: boolean;
  hijack(): unknown;
}

/** What is used of a Fastify instance. */
export interface FastifyLike {
  addHook(name: never, hook: never): unknown;
  hasDecorator(name: string): boolean;
  decorate(name: never, value: never): unknown;
}

/** Options of the plugin; all but `laneway` have safe defaults. `Request` and `Reply` are Fastify's own. */
export interface FastifyLanesOptions<
  Request extends FastifyRequestLike = FastifyRequestLike,
  Reply extends FastifyReplyLike = FastifyReplyLike,
> extends LaneOptions<Request, (refusal: LanewayError, request: Request, reply: Reply) => unknown> {
  readonly laneway: Laneway;
  /**
   * When the lane is decided: before the body is read, or, where it depends on authentication, later. Default
   * "onRequest". A plugin that is registered before this one has its hook of that name run first.
   */
  readonly hook?: "onRequest" | "preParsing" | "preValidation" | "preHandler";
}

const HOOKS: readonly string[] = ["onRequest", "preParsing", "preValidation", "preHandler"];
const DECORATOR = "laneway";

type Hook = (request: FastifyRequestLike, reply: FastifyReplyLike, ...rest: readonly unknown[]) => void;
type RouteHook = (route: { readonly url: string; readonly config?: unknown }) => void;

/**
 * A plugin that runs a route's handler when the request's turn comes in its lane, and answers 503, 429 or 504 with
 * `retry-after` when it does not. It holds for all routes of the instance it is registered with, those registered
 * before it as well, but for the check of their lanes. A route names its own by `config: { lane }`.
 *
 * @throws LanewayError `LANEWAY_INVALID`, from `ready` and `listen`, for a wrong option, an unknown lane or resource, an
 * unknown lane of a route, and a second registration.
 * @example
 * await app.register(fastifyLanes, { laneway });
 * app.get("/api/export", { config: { lane: "bulk" } }, exportAll);
 */
export function fastifyLanes<
  Request extends FastifyRequestLike = FastifyRequestLike,
  Reply extends FastifyReplyLike = FastifyReplyLike,
>(instance: FastifyLike, options: FastifyLanesOptions<Request, Reply>, done: (error?: Error) => void): void {
  try {
    install(instance, options as unknown as FastifyLanesOptions);
  } catch (error) {
    return done(error as Error);
  }
  return done();
}

// What `fastify-plugin` would set: hooks hold for the whole instance, and the plugin says what it is.
Object.assign(fastifyLanes, {
  [Symbol.for("skip-override")]: true,
  [Symbol.for("fastify.display-name")]: "laneway",
  [Symbol.for("plugin-meta")]: { name: "laneway", fastify: ">=5" },
});

function install(instance: FastifyLike, options: FastifyLanesOptions): void {
  const gate = new Gate("fastifyLanes", options?.laneway, options);
  const { hook = "onRequest" } = options;
  if (!HOOKS.includes(hook)) throw invalid("fastifyLanes: hook", `one of ${HOOKS.join(", ")}`, hook);
  if (instance.hasDecorator(DECORATOR))
    throw invalid(
      "fastifyLanes",
      "one registration",
      "a second one",
      "register the plugin once, at the root",
    );
  const add = instance.addHook.bind(instance) as (name: string, hook: Hook | RouteHook) => unknown;
  (instance.decorate.bind(instance) as (name: string, value: unknown) => unknown)(DECORATOR, options.laneway);
  add("onRoute", ({ url, config }: Parameters<RouteHook>[0]) => {
    const lane = laneOf(config);
    if (lane !== undefined) gate.checkLane(`route ${url}: config.lane`, lane);
  });
  add(hook, (request, reply, ...rest) =>
    admitTo(gate, request, reply, rest.at(-1) as (error?: unknown) => void),
  );
}

type FastifyGate = Gate<FastifyRequestLike, NonNullable<FastifyLanesOptions["onShed"]>>;

function admitTo(
  gate: FastifyGate,
  request: FastifyRequestLike,
  reply: FastifyReplyLike,
  next: (error?: unknown) => void,
): void {
  const { onShed } = gate.options;
  const shed = async (refusal: LanewayError): Promise<boolean> => {
    await onShed!(refusal, request, reply);
    return reply.sent;
  };
  const over = (): void => {
    // From here on Fastify neither answers nor complains of being answered for.
    if (!reply.sent) reply.hijack();
  };
  const asked = onShed === undefined ? undefined : shed;
  const lane = laneOf(request.routeOptions.config) as string | undefined;
  admit(gate, request.raw, reply.raw, new Visiting(request, next, next, asked, over, lane));
}

function laneOf(config: unknown): unknown {
  return typeof config === "object" && config !== null && "lane" in config ? config.lane : undefined;
}

// Resolved where the application has Fastify, which is where the types matter; this package itself does not have it.
// @ts-ignore
declare module "fastify" {
  interface FastifyContextConfig {
    /** The lane of this route's requests. */
    lane?: string;
  }
}
