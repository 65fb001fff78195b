import type { Dispatcher } from "undici";
import type { Permit } from "../../core/permit.ts";
import type { HeaderOf } from "../../providers/provider.ts";
import { HeldReply } from "./held-reply.ts";
import type { Steering } from "./steering.ts";

type Handler = Dispatcher.DispatchHandler;
type Controller = Dispatcher.DispatchController;
type ReplyHeaders = Record<string, string | string[]>;

/** The call that a try is one of. */
export interface HandledCall {
  /** Its caller's, as undici made it. */
  readonly inner: Handler;
  /** What its caller holds instead of the controller of one try; undefined for a call that is tried once. */
  readonly steering: Steering | undefined;
  /** Told of the head of each reply. */
  replied(permit: Permit, status: number, header: HeaderOf): void;
  /** A try failed, without a reply where `status` is undefined. Whether there is to be another. */
  triesAgain(permit: Permit, status: number | undefined, header: HeaderOf): boolean;
  /** There is, once its turn comes: permit and reply are the call's now. */
  again(permit: Permit, held: HeldReply): void;
}

/** What undici tells of one try of a call, passed on; the seat goes with the end of the reply. */
export class CallHandler implements Handler {
  readonly #call: HandledCall;
  /** Where it goes: the caller's handler, or a reply that is held back from it. */
  #to: Handler;
  #permit: Permit | undefined = undefined;
  #status = 0;
  #onAbort: (() => void) | undefined = undefined;

  constructor(call: HandledCall) {
    this.#call = call;
    this.#to = call.inner;
  }

  /** The call has its seat and is about to be sent. */
  admitted(permit: Permit): void {
    this.#permit = permit;
  }

  /** It could not be sent. */
  failed(): void {
    this.#over(true);
  }

  /** It is not sent: the caller is told why, as undici tells of any failure before a connection. */
  refuse(error: unknown): void {
    this.#over(true);
    const reason = error instanceof Error ? error : new Error(String(error), { cause: error });
    this.#to.onResponseError?.(this.#call.steering ?? NOT_STARTED, reason);
  }

  onRequestStart(controller: Controller, context: unknown): void {
    const { steering } = this.#call;
    const permit = this.#permit;
    steering?.follow(controller);
    if (permit !== undefined) {
      const { signal } = permit;
      this.#onAbort = () => controller.abort(signal.reason as Error);
      if (signal.aborted) this.#onAbort();
      else signal.addEventListener("abort", this.#onAbort, { once: true });
    }
    this.#to.onRequestStart?.(steering ?? controller, context);
  }

  onRequestUpgrade(
    controller: Controller,
    ...rest: Rest<Parameters<NonNullable<Handler["onRequestUpgrade"]>>>
  ): void {
    // What is spoken from now on is no call any more.
    this.#over(false);
    this.#to.onRequestUpgrade?.(this.#call.steering ?? controller, ...rest);
  }

  onResponseStart(controller: Controller, status: number, headers: ReplyHeaders, message?: string): void {
    const permit = this.#permit;
    // Before the reply come any number of 1xx.
    if (status >= 200 && permit !== undefined) {
      const header = headerOf(headers);
      this.#status = status;
      this.#call.replied(permit, status, header);
      if (status >= 400 && this.#call.triesAgain(permit, status, header)) this.#hold(controller);
      else permit.answered();
    }
    this.#to.onResponseStart?.(this.#call.steering ?? controller, status, headers, message);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#to.onResponseData?.(this.#call.steering ?? controller, chunk);
  }

  onResponseStarted(): void {
    this.#to.onResponseStarted?.();
  }

  onBodySent(chunk: Buffer): void {
    this.#to.onBodySent?.(chunk);
  }

  onRequestSent(): void {
    this.#to.onRequestSent?.();
  }

  onResponseEnd(controller: Controller, trailers: ReplyHeaders): void {
    if (this.#to === this.#call.inner) this.#over(this.#status >= 500 || this.#status === 429);
    this.#to.onResponseEnd?.(this.#call.steering ?? controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    const permit = this.#permit;
    const isUnanswered = this.#status === 0 && permit !== undefined && !permit.signal.aborted;
    if (isUnanswered && this.#call.triesAgain(permit, undefined, NO_HEADERS)) this.#hold(controller);
    if (this.#to === this.#call.inner) this.#over(true);
    this.#to.onResponseError?.(this.#call.steering ?? controller, error);
  }

  /** The caller does not see this reply unless no other comes. */
  #hold(controller: Controller): void {
    const held = new HeldReply(this.#call.inner, controller, () => {
      const permit = this.#permit!;
      this.#leave(permit);
      this.#call.again(permit, held);
    });
    this.#to = held;
  }

  #over(failed: boolean): void {
    const permit = this.#permit;
    if (permit === undefined) return;
    this.#leave(permit);
    permit.release({ failed });
  }

  #leave(permit: Permit): void {
    this.#permit = undefined;
    if (this.#onAbort !== undefined) permit.signal.removeEventListener("abort", this.#onAbort);
  }
}

type Rest<List extends readonly unknown[]> = List extends [unknown, ...infer Others] ? Others : never;

const NO_HEADERS: HeaderOf = () => undefined;

function headerOf(headers: ReplyHeaders): HeaderOf {
  return (name) => {
    const value = headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  };
}

/** Stands for the connection that there is none of; there is nothing to pause or to abort. */
const NOT_STARTED: Controller = {
  aborted: true,
  paused: false,
  reason: null,
  rawHeaders: null,
  rawTrailers: null,
  abort() {},
  pause() {},
  resume() {},
};
