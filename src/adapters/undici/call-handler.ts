import type { Dispatcher } from "undici";
import type { Permit } from "../../core/permit.ts";
import type { HeaderOf } from "../../providers/provider.ts";

type Handler = Dispatcher.DispatchHandler;
type Controller = Dispatcher.DispatchController;
type ReplyHeaders = Record<string, string | string[]>;

/** What undici tells of one call, passed on; the seat goes with the end of the reply. */
export class CallHandler implements Handler {
  readonly #inner: Handler;
  readonly #replied: (permit: Permit, status: number, header: HeaderOf) => void;
  #permit: Permit | undefined = undefined;
  #status = 0;
  #onAbort: (() => void) | undefined = undefined;

  constructor(inner: Handler, replied: (permit: Permit, status: number, header: HeaderOf) => void) {
    this.#inner = inner;
    this.#replied = replied;
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
    this.#inner.onResponseError?.(NOT_STARTED, reason);
  }

  onRequestStart(controller: Controller, context: unknown): void {
    const permit = this.#permit;
    if (permit !== undefined) {
      const { signal } = permit;
      this.#onAbort = () => controller.abort(signal.reason as Error);
      if (signal.aborted) this.#onAbort();
      else signal.addEventListener("abort", this.#onAbort, { once: true });
    }
    this.#inner.onRequestStart?.(controller, context);
  }

  onRequestUpgrade(...args: Parameters<NonNullable<Handler["onRequestUpgrade"]>>): void {
    // What is spoken from now on is no call any more.
    this.#over(false);
    this.#inner.onRequestUpgrade?.(...args);
  }

  onResponseStart(controller: Controller, status: number, headers: ReplyHeaders, message?: string): void {
    // Before the reply come any number of 1xx.
    if (status >= 200 && this.#permit !== undefined) {
      this.#status = status;
      this.#permit.answered();
      this.#replied(this.#permit, status, headerOf(headers));
    }
    this.#inner.onResponseStart?.(controller, status, headers, message);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#inner.onResponseData?.(controller, chunk);
  }

  onResponseStarted(): void {
    this.#inner.onResponseStarted?.();
  }

  onBodySent(chunk: Buffer): void {
    this.#inner.onBodySent?.(chunk);
  }

  onRequestSent(): void {
    this.#inner.onRequestSent?.();
  }

  onResponseEnd(controller: Controller, trailers: ReplyHeaders): void {
    this.#over(this.#status >= 500 || this.#status === 429);
    this.#inner.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#over(true);
    this.#inner.onResponseError?.(controller, error);
  }

  #over(failed: boolean): void {
    const permit = this.#permit;
    if (permit === undefined) return;
    this.#permit = undefined;
    if (this.#onAbort !== undefined) permit.signal.removeEventListener("abort", this.#onAbort);
    permit.release({ failed });
  }
}

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
