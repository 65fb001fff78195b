/**
 * The clients that are out, and a look at them now and then. Whatever a checkout needs only when it takes long (its
 * time-out, its warning) is done here, so that a short one pays for none of it.
 */

import type { PoolClient } from "pg";
import type { Permit } from "../../core/permit.ts";
import type { Held } from "./nested.ts";
import { stackLines } from "./site.ts";

/**
 * How far two looks are apart, in milliseconds. A query that two of them have found is watched for its time-out: the
 * signal of a permit is made when it is read, and most queries are over before.
 */
const LOOK_EVERY_MS = 10;
const LOOKS = 2;

/** What is known of one client. It lives as long as its connection: a query makes nothing anew. */
export interface Out {
  readonly client: PoolClient;
  /** Undefined while the client is the pool's. */
  permit: Permit | undefined;
  /** Undefined where the pool itself releases the client, when its one query is over. */
  held: Held | undefined;
  /** How often it was looked at since it was given. */
  looks: number;
  /** When it was given, where somebody is to be warned of it; Infinity once that was done. */
  since: number;
}

/** The clients of one pool. */
export class Outs<One extends Out> {
  readonly #clients: Iterable<One>;
  readonly #warningMs: number;
  readonly #overdue: (out: One, error: Error) => void;
  #looking: NodeJS.Timeout | undefined = undefined;
  #warning: NodeJS.Timeout | undefined = undefined;

  /** `overdue` is called when the time of a query of the pool's own is up. */
  constructor(clients: Iterable<One>, warningMs: number, overdue: (out: One, error: Error) => void) {
    this.#clients = clients;
    this.#warningMs = warningMs;
    this.#overdue = overdue;
  }

  /** A client was given. */
  given(out: One): void {
    out.looks = 0;
    if (out.held === undefined) this.#looking ??= setTimeout(() => this.#look(), LOOK_EVERY_MS).unref();
    else if (this.#warningMs > 0) {
      out.since = performance.now();
      if (this.#warning === undefined) this.#warnIn(this.#warningMs);
    }
  }

  /** No client is left: a look at none would only keep an ended pool, and all that its resource remembers, until its time. */
  none(): void {
    clearTimeout(this.#looking);
    clearTimeout(this.#warning);
    this.#looking = this.#warning = undefined;
  }

  #look(): void {
    let again = false;
    for (const out of this.#clients) {
      if (out.permit === undefined || out.held !== undefined || out.looks === LOOKS) continue;
      if (++out.looks === LOOKS) this.#watch(out, out.permit);
      else again = true;
    }
    if (again) this.#looking!.refresh();
    else this.#looking = undefined;
  }

  #watch(out: One, permit: Permit): void {
    const { signal } = permit;
    const tell = (): void => {
      // The same client may be out for somebody else by then.
      if (out.permit === permit) this.#overdue(out, signal.reason as Error);
    };
    if (signal.aborted) tell();
    else signal.addEventListener("abort", tell, { once: true });
  }

  #warnIn(ms: number): void {
    this.#warning = setTimeout(() => this.#warn(), Math.ceil(ms)).unref();
  }

  #warn(): void {
    const now = performance.now();
    let next = Infinity;
    for (const out of this.#clients) {
      if (out.permit === undefined || out.held === undefined || out.since === Infinity) continue;
      const leftMs = out.since + this.#warningMs - now;
      if (leftMs > 0) next = Math.min(next, leftMs);
      else this.#warnOf(out, out.permit, out.held);
    }
    this.#warning = undefined;
    if (next < Infinity) this.#warnIn(next);
  }

  #warnOf(out: Out, { lane }: Permit, { site }: Held): void {
    out.since = Infinity;
    const message =
      `a client of lane "${lane}" was not released for ${this.#warningMs} ms: call client.release() when done, also ` +
      `after an error. It was checked out here:\n${stackLines(site)}`;
    process.emitWarning(message, { type: "LanewayCheckoutWarning" });
  }
}
