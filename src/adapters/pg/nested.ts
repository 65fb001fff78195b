/** Checkouts of pg's clients inside one another. One does nothing but wait when nothing has run on its client for a while. */

import type { PoolClient } from "pg";
import { NestedCheckouts } from "../../calls/nested-checkouts.ts";
import type { Held as HeldOf } from "../../calls/nested-checkouts.ts";
import { siteHere, stackLines } from "./site.ts";

/** How often a client must be found idle in a row, and how far apart, in milliseconds. */
const IDLE_LOOKS = 2;
const LOOK_EVERY_MS = 50;

/** A checkout from `connect` until its client is released. */
export type Held = HeldOf<PoolClient>;

/** Those of all pools. */
export const nested: NestedCheckouts<PoolClient> = new NestedCheckouts({
  noun: "client",
  watch,
  siteHere,
  stackLines,
});

function watch(outer: Held, isNested: () => void): () => void {
  let idle = 0;
  const timer = setInterval(() => {
    if (outer.over) return clearInterval(timer);
    idle = isIdle(outer.connection) ? idle + 1 : 0;
    if (idle < IDLE_LOOKS) return;
    clearInterval(timer);
    isNested();
  }, LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}

/**
 * The driver says so of its own clients, in a field that it does not document. Where that is missing nothing is known,
 * and a client counts as busy: a deadlock is then ended by a time-out, and nobody is refused who is none.
 */
function isIdle(client: PoolClient | undefined): boolean {
  return (client as { readonly readyForQuery?: unknown } | undefined)?.readyForQuery === true;
}
