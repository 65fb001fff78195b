import type { Dispatcher } from "undici";

type Handler = Dispatcher.DispatchHandler;
type Controller = Dispatcher.DispatchController;
type Event = (inner: Handler) => void;

/** An error reply is read this far before the next try; of a longer one the connection is given up. */
const BYTES_MAX = 64 * 1024;

/**
 * The reply, or the failure, of a try that another one may follow. It is kept from the caller until that is certain: then
 * it is dropped, or told as if it came only now.
 */
export class HeldReply implements Handler {
  readonly #inner: Handler;
  /** Of the connection that it comes from. */
  readonly #controller: Controller;
  #onRead: (() => void) | undefined;
  #events: Event[] | undefined = [];
  #bytes = 0;
  #isEnded = false;
  #isDropped = false;

  /** `onRead` is called once, when enough of it is read to go on without it. */
  constructor(inner: Handler, controller: Controller, onRead: () => void) {
    this.#inner = inner;
    this.#controller = controller;
    this.#onRead = onRead;
  }

  onResponseStart(...facts: Parameters<NonNullable<Handler["onResponseStart"]>>): void {
    this.#tell((inner) => inner.onResponseStart?.(...facts));
  }

  onResponseData(...facts: Parameters<NonNullable<Handler["onResponseData"]>>): void {
    this.#tell((inner) => inner.onResponseData?.(...facts));
    if (this.#events === undefined) return;
    this.#bytes += facts[1].length;
    if (this.#bytes < BYTES_MAX) return;
    this.#controller.pause();
    this.#read();
  }

  onResponseEnd(...facts: Parameters<NonNullable<Handler["onResponseEnd"]>>): void {
    this.#isEnded = true;
    this.#tell((inner) => inner.onResponseEnd?.(...facts));
    this.#read();
  }

  onResponseError(...facts: Parameters<NonNullable<Handler["onResponseError"]>>): void {
    this.#isEnded = true;
    this.#tell((inner) => inner.onResponseError?.(...facts));
    this.#read();
  }

  /** No other try comes: the caller gets this reply, and what is still to come of it. */
  deliver(steering: { follow(controller: Controller): void; readonly paused: boolean }): void {
    const events = this.#events ?? [];
    this.#events = undefined;
    if (!this.#isEnded) steering.follow(this.#controller);
    for (const event of events) event(this.#inner);
    if (!this.#isEnded && !steering.paused) this.#controller.resume();
  }

  /** Another try takes its place. */
  drop(): void {
    this.#events = undefined;
    this.#isDropped = true;
    if (!this.#isEnded) this.#controller.abort(new Error("the reply of an earlier try is not read further"));
  }

  #tell(event: Event): void {
    if (this.#isDropped) return;
    if (this.#events === undefined) event(this.#inner);
    else this.#events.push(event);
  }

  #read(): void {
    const onRead = this.#onRead;
    this.#onRead = undefined;
    onRead?.();
  }
}
