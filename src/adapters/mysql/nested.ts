/**
 * Checkouts of mysql2's connections inside one another. One does nothing but wait when its connection answers a ping at
 * once, twice: it has no other command to wait for.
 */

import { NestedCheckouts } from "../../calls/nested-checkouts.ts";
import type { Held as HeldOf } from "../../calls/nested-checkouts.ts";
import type { DriverConnection } from "./driver.ts";
import { siteHere, stackLines } from "./site.ts";

/** How many pings in a row must come back, and how soon, in milliseconds. */
const IDLE_PINGS = 2;
const PING_EVERY_MS = 50;

/** A checkout from `getConnection` until its connection is released. */
export type Held = HeldOf<DriverConnection>;

/** Those of all pools. */
export const nested: NestedCheckouts<DriverConnection> = new NestedCheckouts({
  noun: "connection",
  watch,
  siteHere,
  stackLines,
});

function watch(outer: Held, isNested: () => void): () => void {
  let answered = 0;
  let ping: { isLate: boolean } | undefined;
  const timer = setInterval(() => {
    const { connection } = outer;
    if (connection === undefined) return clearInterval(timer);
    if (answered >= IDLE_PINGS) {
      clearInterval(timer);
      return isNested();
    }
    if (ping !== undefined) {
      // It stands behind somebody else's command.
      ping.isLate = true;
      return;
    }
    const own = { isLate: false };
    ping = own;
    connection.ping((error) => {
      ping = undefined;
      answered = own.isLate || (error !== null && error !== undefined) ? 0 : answered + 1;
    });
  }, PING_EVERY_MS).unref();
  return () => clearInterval(timer);
}
