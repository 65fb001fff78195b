/** `laneway/pg`: the connections of a `pg.Pool`, given out by lanes. */

import pg from "pg";
import { lanedPool } from "./pg/pool.ts";
import type { LanedPoolClass } from "./pg/pool.ts";

export { lanedPool } from "./pg/pool.ts";
export type { InLaneOptions, Laned, LanedPoolClass } from "./pg/pool.ts";
export type { LanedPoolConfig } from "./pg/config.ts";

// Older versions of the driver have only a default export.
// oxlint-disable-next-line import/no-named-as-default-member
const { Pool } = pg;
const OfThisDriver: LanedPoolClass = lanedPool(Pool);

/**
 * A drop-in `pg.Pool`: each checkout waits for its turn in its lane, that of the async context (`runInLane`), of the
 * option `lane`, or of `pool.inLane("bulk")`. Transactions, cursors, prepared statements and every ORM that takes a pool
 * go through it. A refused checkout fails with the `LanewayError` of its refusal; errors of the driver stay as they are,
 * and say the lane in their `lane`. A query that is built in one lane and sent in another, as lazy query builders do,
 * runs in the lane that it is sent in: the pool sees nothing of the builder. `await` it inside of `runInLane`.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option.
 * @example
 * const pool = new LanedPool({ connectionString: process.env.DATABASE_URL, max: 20 });
 * const { rows } = await pool.inLane("critical").query("select * from orders where id = $1", [id]);
 */
export class LanedPool extends OfThisDriver {}
