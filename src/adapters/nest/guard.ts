/** Lets a request of a Nest application on to the next guard when its turn has come. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { LanewayError } from "../../core/errors.ts";
import type { Opened } from "../../requests/around.ts";
import type { Gate } from "../../requests/gate.ts";
import { admit, shedBy } from "../../requests/node-admit.ts";
import type { Visitor } from "../../requests/node-admit.ts";
import { laneGivenTo } from "./lane.ts";
import { openedFor } from "./surround.ts";

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

/** A guard of all routes. */
export class LanewayGuard {
  readonly #gate: Gate<object, Shed>;

  constructor(gate: Gate<object, Shed>) {
    this.#gate = gate;
  }

  canActivate(execution: Execution): true | Promise<true> {
    if (execution.getType() !== "http") return true;
    const http = execution.switchToHttp();
    const response = http.getResponse();
    const request = http.getRequest();
    const raw = rawOf<IncomingMessage>(request);
    const shed = shedBy(this.#gate.options.onShed, request as never, response as never);
    const lane = laneGivenTo(execution.getHandler(), execution.getClass());
    const guarded = new Guarded(request, response, shed, lane, openedFor(raw));
    admit(this.#gate, raw, rawOf<ServerResponse>(response), guarded);
    return guarded.verdict();
  }
}

/** A request that Nest waits for. */
class Guarded implements Visitor<object> {
  readonly request: object;
  readonly shed: Visitor<object>["shed"];
  readonly lane: string | undefined;
  readonly opened: Opened | undefined;
  readonly #response: object;
  #started = false;
  #failed: { readonly error: unknown } | undefined = undefined;
  #resolve: ((may: true) => void) | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;

  constructor(
    request: object,
    response: object,
    shed: Visitor<object>["shed"],
    lane: string | undefined,
    opened: Opened | undefined,
  ) {
    this.request = request;
    this.#response = response;
    this.shed = shed;
    this.lane = lane;
    this.opened = opened;
  }

  /** At once where there was a seat: Nest's way with a promise costs more than we do. */
  verdict(): true | Promise<true> {
    if (this.#started) return true;
    // As Nest hands it on, whatever it is.
    // oxlint-disable-next-line typescript/only-throw-error
    if (this.#failed !== undefined) throw this.#failed.error;
    // A refused request is answered already, and one whose client left needs no answer: its promise never settles, so
    // that Nest does nothing more, and goes with the request.
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  start(): void {
    this.#started = true;
    const resolve = this.#resolve;
    resolve?.(true);
  }

  fail(error: unknown): void {
    this.#failed = { error };
    const reject = this.#reject;
    reject?.(error);
  }

  over(): void {
    const response = this.#response;
    if ("hijack" in response && typeof response.hijack === "function" && !isSent(response)) response.hijack();
  }
}

function isSent(reply: object): boolean {
  return "sent" in reply && reply.sent === true;
}
