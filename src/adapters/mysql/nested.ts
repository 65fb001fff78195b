/**
 * Checkouts of mysql2's connections inside one another. One does nothing but wait when it has sent nothing for a while, and
 * a ping that was sent then has come back: it has no command to wait for.
 */

import { NestedCheckouts } from "../../calls/nested-checkouts.ts";
import type { Held as HeldOf } from "../../calls/nested-checkouts.ts";
import type { DriverConnection } from "./driver.ts";
import { siteHere, stackLines } from "./site.ts";

/** A checkout from `getConnection` until its connection is released. */
export type Held = HeldOf<DriverConnection>;

/** Those of all pools. */
export const nested: NestedCheckouts<DriverConnection> = new NestedCheckouts({
  noun: "connection",
  quiet,
  siteHere,
  stackLines,
});

/**
 * The driver does not say whether a connection has a command. So one that has sent nothing since the call before is sent
 * a ping, once; while that is all that was sent, it is quiet from the ping's answer on. Where what was sent cannot be seen,
 * nothing is known, and the connection counts as busy.
 */
function quiet(connection: DriverConnection): () => boolean {
  let before: number | undefined;
  let state: "busy" | "asked" | "quiet" = "busy";
  return () => {
    const written = connection.stream?.bytesWritten;
    if (written === undefined || written !== before) {
      before = written;
      state = "busy";
      return false;
    }
    if (state === "busy") {
      state = "asked";
      connection.ping((error) => {
        if (state === "asked" && (error === null || error === undefined)) state = "quiet";
      });
      before = connection.stream?.bytesWritten;
      return false;
    }
    return state === "quiet";
  };
}
