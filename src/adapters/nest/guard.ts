/** Where Nest meets the lanes: a guard that admits, and an interceptor that runs the handler in the lane's context. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Ambient } from "../../core/context.ts";
import type { LanewayError } from "../../core/errors.ts";
import { asyncContext } from "../../node/context.ts";
import type { Gate } from "../../requests/gate.ts";
import { Visiting, admit, shedBy } from "../../requests/node-admit.ts";
import { laneGivenTo } from "./lane.ts";

/** What is used of Nest's execution context. */
interface Execution {
  getType(): string;
  getClass(): object;
  getHandler(): object;
  switchToHttp(): { getRequest(): object; getResponse(): object };
}

type Shed = (refusal: LanewayError, req: never, res: never) => unknown;

/** Fastify wraps Node's own request and reply, Express extends them. */
function rawOf<Raw>(wrapped: object): Raw {
  return ("raw" in wrapped ? wrapped.raw : wrapped) as Raw;
}

/** What surrounded a request when it was let in. On the request itself: weak references cost more than it does. */
const AROUND = Symbol("laneway.around");

interface Surrounded {
  [AROUND]?: Ambient | undefined;
}

/** Lets a request on to the next guard when its turn has come. */
export class LanewayGuard {
  readonly #gate: Gate<object, Shed>;

  constructor(gate: Gate<object, Shed>) {
    this.#gate = gate;
  }

  canActivate(execution: Execution): true | Promise<boolean> {
    if (execution.getType() !== "http") return true;
    const http = execution.switchToHttp();
    const request = http.getRequest();
    const response = http.getResponse();
    const { onShed } = this.#gate.options;
    // A refused request is answered already, and one whose client left needs no answer: its promise never settles, so
    // that Nest does nothing more, and goes with the request.
    return new Promise((resolve, reject) => {
      const start = (): void => {
        // Nest goes on in its own context: the interceptor brings this one back.
        (request as Surrounded)[AROUND] = asyncContext.get();
        resolve(true);
      };
      const over = (): void => {
        if ("hijack" in response && typeof response.hijack === "function" && !isSent(response))
          response.hijack();
      };
      const shed = shedBy(onShed, request as never, response as never);
      const lane = laneGivenTo(execution.getHandler(), execution.getClass());
      const visitor = new Visiting<object>(request, start, reject, shed, over, lane);
      admit(this.#gate, rawOf<IncomingMessage>(request), rawOf<ServerResponse>(response), visitor);
    });
  }
}

function isSent(reply: object): boolean {
  return "sent" in reply && reply.sent === true;
}

/** Runs what comes after the guards in the async context of the request's lane. */
export class LanewayInterceptor {
  intercept<Result>(execution: Execution, next: { handle(): Result }): Result {
    const around =
      execution.getType() === "http"
        ? (execution.switchToHttp().getRequest() as Surrounded)[AROUND]
        : undefined;
    return around === undefined ? next.handle() : asyncContext.run(around, () => next.handle());
  }
}
