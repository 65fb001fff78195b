/** Where Nest meets the lanes: a guard that admits, and an interceptor that runs the handler in the lane's context. */

import { AsyncResource } from "node:async_hooks";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { LanewayError } from "../../core/errors.ts";
import type { Gate } from "../../requests/gate.ts";
import { admit, shedBy } from "../../requests/node-admit.ts";
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

const contexts = new WeakMap<object, AsyncResource>();

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
      admit(this.#gate, rawOf<IncomingMessage>(request), rawOf<ServerResponse>(response), {
        request,
        lane: laneGivenTo(execution.getHandler(), execution.getClass()),
        start() {
          // Nest goes on in its own context: the interceptor brings this one back.
          contexts.set(request, new AsyncResource("laneway.request"));
          resolve(true);
        },
        fail: reject,
        ...shedBy(onShed, request as never, response as never),
        over() {
          if ("hijack" in response && typeof response.hijack === "function" && !isSent(response))
            response.hijack();
        },
      });
    });
  }
}

function isSent(reply: object): boolean {
  return "sent" in reply && reply.sent === true;
}

/** Runs what comes after the guards in the async context of the request's lane. */
export class LanewayInterceptor {
  intercept<Result>(execution: Execution, next: { handle(): Result }): Result {
    const context =
      execution.getType() === "http" ? contexts.get(execution.switchToHttp().getRequest()) : undefined;
    return context === undefined ? next.handle() : context.runInAsyncScope(() => next.handle());
  }
}
