import type { Dispatcher } from "undici";

type Controller = Dispatcher.DispatchController;

/**
 * The controller that a caller holds of a call with several tries: it steers the one under way, and between two of them
 * it still gives the call up.
 */
export class Steering implements Controller {
  readonly #givenUp = new AbortController();
  #followed: Controller | undefined = undefined;
  /** What was followed last, for its raw headers. */
  #last: Controller | undefined = undefined;
  #paused = false;

  /** Aborts when the caller gives the call up. */
  get signal(): AbortSignal {
    return this.#givenUp.signal;
  }

  /** From now on this try is steered; undefined: none is under way. */
  follow(controller: Controller | undefined): void {
    this.#followed = controller;
    this.#last = controller ?? this.#last;
    if (this.#paused) controller?.pause();
  }

  get aborted(): boolean {
    return this.#givenUp.signal.aborted;
  }

  get reason(): Error | null {
    return this.aborted ? (this.#givenUp.signal.reason as Error) : null;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get rawHeaders(): NonNullable<Controller["rawHeaders"]> | null {
    return this.#last?.rawHeaders ?? null;
  }

  set rawHeaders(value: NonNullable<Controller["rawHeaders"]> | null) {
    if (this.#last !== undefined) this.#last.rawHeaders = value;
  }

  get rawTrailers(): NonNullable<Controller["rawTrailers"]> | null {
    return this.#last?.rawTrailers ?? null;
  }

  set rawTrailers(value: NonNullable<Controller["rawTrailers"]> | null) {
    if (this.#last !== undefined) this.#last.rawTrailers = value;
  }

  abort(reason: Error): void {
    this.#givenUp.abort(reason);
    this.#followed?.abort(reason);
  }

  pause(): void {
    this.#paused = true;
    this.#followed?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#followed?.resume();
  }
}
