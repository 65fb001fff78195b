/** `laneway/http`: lanes in front of a handler of `node:http`, `node:https` or `node:http2`. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { invalid } from "../core/errors.ts";
import type { LanewayError } from "../core/errors.ts";
import type { Laneway } from "../policy/laneway.ts";
import { claimCounts } from "../requests/claims.ts";
import type { ClaimCount } from "../requests/claims.ts";
import { Gate } from "../requests/gate.ts";
import { Visiting, admit, shedBy } from "../requests/node-admit.ts";
import { admitUpgrade } from "../requests/node-upgrade.ts";
import type { LaneOptions } from "../requests/options.ts";

export { admissionOf } from "../requests/admission.ts";
export type { Admission } from "../requests/admission.ts";
export type { ClaimCount } from "../requests/claims.ts";
export { adminHandler } from "./http/admin-handler.ts";
export type { AdminHandlerOptions, AdminMount } from "./http/admin-handler.ts";

/** Options of `httpLanes`; all have safe defaults. */
export type HttpLanesOptions<
  Req extends object = IncomingMessage,
  Res extends object = ServerResponse,
> = LaneOptions<Req, (refusal: LanewayError, req: Req, res: Res) => unknown>;

const LANED: unique symbol = Symbol("laneway.laned");

/**
 * A request listener that lets `handler` run when the request's turn comes in its lane, and answers 503, 429 or 504 with
 * `retry-after` when it does not. The seat is held until the reply is over. For `node:http`, `node:https`, and
 * `node:http2` with its compatible requests.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option, an unknown lane or resource, and a handler that has lanes
 * already.
 * @example
 * createServer(httpLanes(await Laneway.fromFile("laneway.yaml"), (req, res) => res.end("hello"))).listen(8080);
 */
export function httpLanes<Req extends object = IncomingMessage, Res extends object = ServerResponse>(
  laneway: Laneway,
  handler: (req: Req, res: Res) => unknown,
  options?: HttpLanesOptions<Req, Res>,
): (req: Req, res: Res) => void {
  const gate = new Gate("httpLanes", laneway, options);
  if (typeof handler !== "function") throw invalid("httpLanes: handler", "a function", handler);
  if (LANED in handler)
    throw invalid("httpLanes: handler", "a handler without lanes", "one of httpLanes", "register it once");
  const { onShed } = gate.options;
  const listener = (req: Req, res: Res): void => {
    // HTTP/2's compatible classes have all that is used here, and differ in their types only.
    const visitor = new Visiting(req, () => void handler(req, res), fail, shedBy(onShed, req, res));
    admit(gate, req as unknown as IncomingMessage, res as unknown as ServerResponse, visitor);
  };
  return Object.assign(listener, { [LANED]: true });
}

function fail(error: unknown): void {
  throw error;
}

/**
 * The same for a server's `upgrade` event: `handler` runs when the request's turn comes, and the seat is free again when
 * the first byte of its answer (101, as a rule) is written. A refusal is written to the socket, which is closed then.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option, an unknown lane or resource.
 * @example
 * server.on("upgrade", upgradeLanes(laneway, (req, socket, head) => sockets.handleUpgrade(req, socket, head, greet)));
 */
export function upgradeLanes(
  laneway: Laneway,
  handler: (req: IncomingMessage, socket: Duplex, head: Buffer) => unknown,
  options?: Omit<HttpLanesOptions, "onShed" | "headers">,
): (req: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const gate = new Gate<IncomingMessage, never>("upgradeLanes", laneway, options);
  if (typeof handler !== "function") throw invalid("upgradeLanes: handler", "a function", handler);
  return (req, socket, head) => admitUpgrade(gate, req, socket, () => handler(req, socket, head));
}

/**
 * How many requests claimed a lane since the start, and which they were given: through all adapters of this `Laneway`.
 *
 * @example
 * claimsOf(laneway); // => [{ claimed: "critical", granted: "normal", count: 3 }]
 */
export function claimsOf(laneway: Laneway): ClaimCount[] {
  return claimCounts(laneway).list();
}
