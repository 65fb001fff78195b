/** Query builders that take a pool of mysql2 are in lanes, and their transactions hold one seat. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { lanedPool } from "../../../src/adapters/mysql.ts";
import type { Laned } from "../../../src/adapters/mysql.ts";
import { runInLane } from "../../../src/node/context.ts";
import { loadMysql, mysqlFor } from "../../databases/mysql-server.ts";
import type { MysqlPool } from "../../databases/mysql-server.ts";
import { needsPackage } from "../../needs.ts";

const load = createRequire(new URL("../../databases/package.json", import.meta.url));

/** What is used of them, whose own types are there only when they are installed. */
interface Drizzle {
  execute(query: unknown): Promise<unknown>;
  transaction(work: (inner: Drizzle) => Promise<void>): Promise<void>;
}
interface Kysely {
  transaction(): { execute(work: (inner: Kysely) => Promise<void>): Promise<void> };
  destroy(): Promise<void>;
}

test("query builders on a laned pool of mysql2", async (t) => {
  const server = await mysqlFor(t);
  if (server === undefined) return;
  const poolOf = (): MysqlPool & Laned =>
    lanedPool(loadMysql().createPool({ ...server.options, connectionLimit: 2 }));
  const seatsOf = ({ resource }: Laned): unknown => {
    const { seatsInUse, waiting, lanes } = resource.snapshot();
    const finished = lanes.filter((lane) => lane.finished > 0).map((lane) => [lane.name, lane.finished]);
    return { seatsInUse, waiting, finished: Object.fromEntries(finished) as unknown };
  };

  for (const form of ["promises", "callbacks"] as const)
    await t.test(`drizzle-orm is in the lane that surrounds it, on a pool of ${form}`, async (inner) => {
      if (!needsPackage(inner, "test/databases", "drizzle-orm")) return;
      const { drizzle } = load("drizzle-orm/mysql2") as { drizzle: (pool: object) => Drizzle };
      const { sql } = load("drizzle-orm") as { sql: (text: TemplateStringsArray) => unknown };
      const pool = poolOf();
      const db = drizzle(form === "promises" ? pool : pool.pool);
      await runInLane("bulk", async () => await db.execute(sql`select 1`));
      await runInLane("critical", () =>
        db.transaction(async (within) => {
          await within.execute(sql`select 1`);
          assert.equal(pool.resource.snapshot().seatsInUse, 1);
          await within.execute(sql`select 2`);
        }),
      );
      assert.deepEqual(seatsOf(pool), { seatsInUse: 0, waiting: 0, finished: { critical: 1, bulk: 1 } });
      const ofLane = drizzle(form === "promises" ? pool.inLane("low") : pool.inLane("low").pool);
      await ofLane.execute(sql`select 1`);
      assert.deepEqual(seatsOf(pool), {
        seatsInUse: 0,
        waiting: 0,
        finished: { critical: 1, bulk: 1, low: 1 },
      });
      await pool.end();
    });

  await t.test("kysely is in the lane that surrounds it, and ends the pool", async (inner) => {
    if (!needsPackage(inner, "test/databases", "kysely")) return;
    const kysely = (await import(load.resolve("kysely"))) as {
      Kysely: new (options: object) => Kysely;
      MysqlDialect: new (options: object) => object;
      sql: (text: TemplateStringsArray) => { execute(db: Kysely): Promise<unknown> };
    };
    const pool = poolOf();
    const db = new kysely.Kysely({ dialect: new kysely.MysqlDialect({ pool: pool.pool }) });
    await runInLane("bulk", () => kysely.sql`select 1`.execute(db));
    await runInLane("high", () =>
      db.transaction().execute(async (within) => {
        await kysely.sql`select 1`.execute(within);
        assert.equal(pool.resource.snapshot().seatsInUse, 1);
      }),
    );
    assert.deepEqual(seatsOf(pool), { seatsInUse: 0, waiting: 0, finished: { high: 1, bulk: 1 } });
    await db.destroy();
    await assert.rejects(pool.query("select 1"), { message: /Pool is closed/ });
  });

  await t.test(
    "kysely: in a request, a query beside its own transaction is refused, but not while that works",
    async (inner) => {
      if (!needsPackage(inner, "test/databases", "kysely")) return;
      const { Kysely, MysqlDialect, sql } = (await import(load.resolve("kysely"))) as {
        Kysely: new (options: object) => Kysely;
        MysqlDialect: new (options: object) => object;
        sql: (text: TemplateStringsArray) => { execute(db: Kysely): Promise<unknown> };
      };
      const pool = lanedPool(loadMysql().createPool({ ...server.options, connectionLimit: 1 }));
      const db = new Kysely({ dialect: new MysqlDialect({ pool: pool.pool }) });
      const elsewhere = poolOf();
      const nested = runInLane("high", () =>
        db.transaction().execute(async () => void (await sql`select 1`.execute(db))),
      );
      await assert.rejects(nested, {
        code: "LANEWAY_DEADLOCK",
        message: /asked for here:\n[^]*kysely[^]*asked for here:\n[^]*kysely/,
      });
      for (const short of [false, true])
        await runInLane("high", async () => {
          const waiting = Promise.withResolvers<Promise<unknown>>();
          await db.transaction().execute(async (within) => {
            const query = sql`select 1`.execute(db);
            query.catch(() => {});
            waiting.resolve(query);
            if (!short) await sql`select sleep(2)`.execute(within);
            // Idle nearly all the time, and at nearly every look.
            for (let i = 0; short && i < 50; i++) {
              await sql`select 1`.execute(within);
              await elsewhere.query("select sleep(0.04)");
            }
          });
          await waiting.promise.then((query) => query);
        });
      await db.destroy();
      await elsewhere.end();
    },
  );
});
