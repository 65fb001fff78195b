/** `laneway/express`: lanes in front of an Express 4 or 5 application, a router or a route. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { LanewayError } from "../core/errors.ts";
import type { Laneway } from "../policy/laneway.ts";
import { Gate } from "../requests/gate.ts";
import { Visiting, admit, shedBy } from "../requests/node-admit.ts";
import type { LaneOptions } from "../requests/options.ts";

export { admissionOf } from "../requests/admission.ts";
export type { Admission } from "../requests/admission.ts";

/** Options of `expressLanes`; all have safe defaults. `Req` is Express' `Request`, as your own functions name it. */
export type ExpressLanesOptions<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
> = LaneOptions<Req, (refusal: LanewayError, req: Req, res: Res) => unknown>;

/**
 * A middleware that calls the next one when the request's turn comes in its lane, and answers 503, 429 or 504 with
 * `retry-after` when it does not. Register it before body parsers, so that a refusal costs little; after authentication,
 * where the lane depends on that. Here or on routes, not both: a request takes one seat of a resource.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option, an unknown lane or resource.
 * @example
 * app.use(expressLanes(laneway));
 * // or for each route
 * app.post("/api/payments", expressLanes(laneway, { lane: "critical" }), pay);
 */
export function expressLanes<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(
  laneway: Laneway,
  options?: ExpressLanesOptions<Req, Res>,
): (req: Req, res: Res, next: (error?: unknown) => void) => void {
  const gate = new Gate("expressLanes", laneway, options);
  const { onShed } = gate.options;
  return (req, res, next) => admit(gate, req, res, new Visiting(req, next, next, shedBy(onShed, req, res)));
}
