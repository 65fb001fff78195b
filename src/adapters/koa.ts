/** `laneway/koa`: lanes in front of a Koa 3 application, or of a router's routes. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { LanewayError } from "../core/errors.ts";
import type { Laneway } from "../policy/laneway.ts";
import { Gate } from "../requests/gate.ts";
import { Visiting, admit } from "../requests/node-admit.ts";
import type { LaneOptions } from "../requests/options.ts";

export { admissionOf } from "../requests/admission.ts";
export type { Admission } from "../requests/admission.ts";

/** What is used of Koa's context. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  respond?: boolean | undefined;
  body?: unknown;
}

/** Options of `koaLanes`; all have safe defaults. `Context` is Koa's own, as your functions name it. */
export type KoaLanesOptions<Context extends KoaContext = KoaContext> = LaneOptions<
  Context,
  (refusal: LanewayError, context: Context) => unknown
>;

/**
 * A middleware that goes on when the request's turn comes in its lane, and answers 503, 429 or 504 with `retry-after`
 * when it does not. What comes before it sees the request at once, what comes after only with a seat.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option, an unknown lane or resource.
 * @example
 * app.use(koaLanes(laneway));
 * router.get("/export", koaLanes(laneway, { lane: "bulk" }), exportAll);
 */
export function koaLanes<Context extends KoaContext = KoaContext>(
  laneway: Laneway,
  options?: KoaLanesOptions<Context>,
): (context: Context, next: () => Promise<unknown>) => Promise<void> {
  const gate = new Gate("koaLanes", laneway, options);
  const { onShed } = gate.options;
  return (context, next) =>
    new Promise((resolve, reject) => {
      const start = (): void => void next().then(() => resolve(), reject);
      const shed = async (refusal: LanewayError): Promise<boolean> => {
        await onShed!(refusal, context);
        const answered = context.body !== undefined && context.body !== null;
        if (answered) resolve();
        return answered;
      };
      const over = (): void => {
        // Koa would write a 404 over what is answered already.
        context.respond = false;
        resolve();
      };
      const asked = onShed === undefined ? undefined : shed;
      admit(gate, context.req, context.res, new Visiting(context, start, reject, asked, over));
    });
}
