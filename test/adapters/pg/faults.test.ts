import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Pool } from "pg";
import { LanedPool, lanedPool } from "../../../src/adapters/pg.ts";
import type { LanedPoolConfig } from "../../../src/adapters/pg.ts";
import { databaseFor } from "../../databases/server.ts";
import { soak } from "./soak.ts";

test("what goes wrong costs no seat", async (t) => {
  const database = await databaseFor(t, {
    own: true,
    settings: { max_connections: 12, superuser_reserved_connections: 0 },
  });
  if (database === undefined) return;
  const { connectionString } = database;
  const poolOf = (inner: TestContext, config: LanedPoolConfig = {}): LanedPool => {
    const pool = new LanedPool({ connectionString, max: 4, ...config });
    // A connection that is lost while idle is told here, as by every pool of the driver.
    pool.on("error", () => {});
    inner.after(() => (pool.ending ? undefined : pool.end()));
    return pool;
  };
  /** Connections that are being closed have their seats until then. */
  const closed = async (pool: LanedPool): Promise<void> => {
    while (inUse(pool) > 0) await once(pool, "remove");
  };
  const inUse = ({ resource }: LanedPool): number => resource.snapshot().seatsInUse;

  await t.test(
    "a backend killed in the middle of a query: the driver's error, with the lane",
    async (inner) => {
      const pool = poolOf(inner);
      const client = await pool.inLane("bulk").connect();
      const broken = once(client, "error");
      const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
      const failed = assert.rejects(client.query("select pg_sleep(30)"), { code: "57P01" });
      await pool.query("select pg_terminate_backend($1)", [rows[0]!.pid]);
      const [error] = (await broken) as [Error];
      await failed;
      client.release(error);
      assert.equal("lane" in error && error.lane, "bulk");
      await closed(pool);
      assert.equal((await pool.query("select 1")).rowCount, 1);
    },
  );

  await t.test("a query of the pool's own fails with its lane and gives its seat back", async (inner) => {
    const pool = poolOf(inner);
    await assert.rejects(pool.inLane("low").query("select nothing"), { code: "42703", lane: "low" });
    await assert.rejects(pool.inLane("low").query({ text: "select nothing", preemptible: true } as never), {
      code: "42703",
      lane: "low",
    });
    await closed(pool);
  });

  await t.test("a wrong password, and a port where nobody listens", async (inner) => {
    for (const config of [
      { connectionString: connectionString.replace("laneway@", "wrong@") },
      { connectionString: "", host: "127.0.0.1", port: 1 },
    ]) {
      const pool = poolOf(inner, { ...config, lane: "high" });
      await assert.rejects(pool.query("select 1"), (error: Error) => {
        assert.equal("lane" in error && error.lane, "high");
        assert.doesNotMatch(`${error.message} ${error.stack}`, /wrong@/);
        return true;
      });
      await assert.rejects(pool.connect(), { lane: "high" });
      assert.deepEqual([inUse(pool), pool.waitingCount, pool.totalCount], [0, 0, 0]);
    }
  });

  await t.test(
    "more connections than the server has: 53300 with the lane, and the pool goes on",
    async (inner) => {
      const pool = poolOf(inner, { max: 30 });
      const ends = await Promise.allSettled(
        Array.from({ length: 28 }, () => pool.query("select pg_sleep(0.05)")),
      );
      const refused = ends.filter((end) => end.status === "rejected").map(({ reason }) => reason as Error);
      assert.ok(refused.length > 0);
      for (const error of refused) {
        assert.match(error.message, /too many clients|connection slots/);
        assert.deepEqual([Reflect.get(error, "code"), Reflect.get(error, "lane")], ["53300", "normal"]);
      }
      assert.equal(inUse(pool), 0);
      assert.equal((await pool.query("select 1")).rowCount, 1);
    },
  );

  await t.test("a connection that is closed keeps its seat until the server has let it go", async (inner) => {
    const pool = poolOf(inner, { max: 1, maxUses: 1 });
    (await pool.connect()).release();
    assert.deepEqual([pool.totalCount, inUse(pool)], [0, 1]);
    await once(pool, "remove");
    assert.equal(inUse(pool), 0);
    const role = "limited";
    await pool.query(`create role ${role} login password 'x' connection limit 1`);
    const limited = poolOf(inner, {
      connectionString: connectionString.replace("postgres:laneway", `${role}:x`),
      max: 1,
      maxUses: 1,
    });
    // With the seat handed over on release, the next connection would meet the old one and be refused with 53300.
    await Promise.all(Array.from({ length: 20 }, () => limited.query("select 1")));
    await closed(limited);
    await limited.end();
    await pool.query(`drop role ${role}`);
  });

  await t.test("a pool made of another copy of the driver's class", async (inner) => {
    class Other extends Pool {}
    const pool = new (lanedPool(Other))({ connectionString, max: 2 });
    inner.after(() => pool.end());
    assert.ok(pool instanceof Other && !(pool instanceof LanedPool));
    assert.equal((await pool.inLane("bulk").query("select 1")).rowCount, 1);
    assert.equal(pool.inLane("bulk") instanceof Other, true);
  });

  await t.test("wrong options are refused by name", () => {
    const refused = (config: object, pattern: RegExp): void =>
      assert.throws(() => new LanedPool(config), { code: "LANEWAY_INVALID", message: pattern });
    refused({ resource: 4 }, /resource: expected a Resource, found 4/);
    refused({ lane: "urgent" }, /lane: expected one of critical, .* found "urgent"/);
    refused({ checkoutWarningMs: -1 }, /checkoutWarningMs/);
    refused({ preemptions: 1.5 }, /preemptions/);
    assert.throws(() => new LanedPool().inLane("urgent"), { code: "LANEWAY_INVALID" });
    assert.throws(() => lanedPool(undefined as never), { code: "LANEWAY_INVALID" });
  });

  await t.test(
    "queries of all kinds while backends are killed at random: everything settles, every seat is back",
    async () => {
      const { settled, asked, killed, seatsInUse, waiting } = await soak(connectionString, {
        queries: 1_500,
        seed: 7,
      });
      assert.deepEqual({ settled, seatsInUse, waiting }, { settled: asked, seatsInUse: 0, waiting: 0 });
      assert.ok(killed > 0);
    },
  );

  await t.test(
    "the server itself is killed: what runs and what waits fails, and no seat is lost",
    async (inner) => {
      const pool = poolOf(inner);
      const all = Array.from({ length: 12 }, () => pool.inLane("bulk").query("select pg_sleep(30)"));
      const settled = Promise.allSettled(all);
      const sleeping = "select count(*)::int as n from pg_stat_activity where wait_event = 'PgSleep'";
      const critical = pool.inLane("critical");
      while ((await critical.query<{ n: number }>(sleeping)).rows[0]!.n < 3);
      process.kill(database.pid!, "SIGQUIT");
      const ends = await settled;
      assert.ok(ends.every(({ status }) => status === "rejected"));
      await closed(pool);
      assert.equal(pool.waitingCount, 0);
    },
  );
});
