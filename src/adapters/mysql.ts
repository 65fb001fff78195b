/** `laneway/mysql`: the connections of a mysql2 pool, given out by lanes. */

import type { AnyPool } from "./mysql/driver.ts";
import { installLanes } from "./mysql/install.ts";
import type { Laned, LanedPoolOptions } from "./mysql/options.ts";

export type { AnyPool, CallbackPool, PromisePool } from "./mysql/driver.ts";
export type { InLaneOptions, Laned, LanedPoolOptions } from "./mysql/options.ts";

/**
 * Puts lanes into a pool that mysql2's `createPool` has made, of `mysql2` or of `mysql2/promise`, and returns that same
 * pool: each `getConnection`, `query` and `execute` waits for its turn in its lane, that of the async context
 * (`runInLane`), of the option `lane`, or of `pool.inLane("bulk")`. Transactions, prepared statements and every ORM that
 * takes a pool go through it. A refused call fails with the `LanewayError` of its refusal; errors of the driver stay as
 * they are.
 *
 * `pool.end()` takes nobody more and ends when those who waited were served and every connection was given back.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option, for what is no pool of mysql2, and for a pool that has lanes.
 * @example
 * const pool = lanedPool(mysql.createPool({ uri: process.env.DATABASE_URL, connectionLimit: 20 }));
 * const [rows] = await pool.inLane("critical").execute("select * from orders where id = ?", [id]);
 */
export function lanedPool<P extends AnyPool>(pool: P, options: LanedPoolOptions = {}): P & Laned {
  return installLanes(pool, options);
}
