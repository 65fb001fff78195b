/**
 * The time that a refused call has waited, kept for it until its client sends it again. A client that repeats its call
 * would otherwise begin at the end of the queue each time, and under load never reach the front. Nothing is taken from
 * what the client says but that it repeats: how long it waited is our own record, so no claim can be made up.
 */

import { BoundedMap } from "./bounded-map.ts";

interface Waited {
  readonly ms: number;
  readonly until: number;
}

const CALLS_MAX = 4_096;
/** The SDKs come back within a minute; a call that takes longer is a new one. */
const KEPT_MS = 2 * 60_000;

/**
 * Waits of calls that were refused and may come back.
 *
 * @example
 * credit.refused(key, error.waitMs, now);
 * const waitedMs = credit.take(key, now); // when it comes back; 0 for a stranger
 */
export class ReturnCredit<Key> {
  readonly #waits = new BoundedMap<Key, Waited>(CALLS_MAX);

  /** The call with this key was refused after it had waited `waitMs`, earlier turns included. */
  refused(key: Key, waitMs: number, now: number): void {
    if (waitMs > 0) this.#waits.set(key, { ms: waitMs, until: now + KEPT_MS });
  }

  /** What the call has waited before, in milliseconds; it is given once. */
  take(key: Key, now: number): number {
    const waited = this.#waits.get(key);
    if (waited === undefined) return 0;
    this.#waits.delete(key);
    return waited.until < now ? 0 : waited.ms;
  }
}
