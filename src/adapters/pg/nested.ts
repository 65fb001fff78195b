/** Checkouts of pg's clients inside one another. One does nothing but wait when nothing has run on its client for a while. */

import type { PoolClient } from "pg";
import { NestedCheckouts } from "../../calls/nested-checkouts.ts";
import type { Held as HeldOf } from "../../calls/nested-checkouts.ts";
import { siteHere, stackLines } from "./site.ts";

/** A checkout from `connect` until its client is released. */
export type Held = HeldOf<PoolClient>;

/** Those of all pools. */
export const nested: NestedCheckouts<PoolClient> = new NestedCheckouts({
  noun: "client",
  quiet,
  siteHere,
  stackLines,
});

/** What is used of a client beside its types. */
interface Wire {
  readonly connection?: { readonly stream?: { readonly bytesWritten?: number } };
}

/** Nothing runs, and nothing was sent since the call before: short queries would go unseen between two looks. */
function quiet(client: PoolClient): () => boolean {
  const { connection } = client as Wire;
  let before: number | undefined;
  return () => {
    const written = connection?.stream?.bytesWritten;
    const isSame = written !== undefined && written === before;
    before = written;
    return isSame && isIdle(client);
  };
}

/**
 * The driver says so of its own clients, in a field that it does not document. Where that is missing nothing is known,
 * and a client counts as busy: a deadlock is then ended by a time-out, and nobody is refused who is none.
 */
function isIdle(client: PoolClient | undefined): boolean {
  return (client as { readonly readyForQuery?: unknown } | undefined)?.readyForQuery === true;
}
