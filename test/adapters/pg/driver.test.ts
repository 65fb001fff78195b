/** What the driver's pool and its companions can do, they do with lanes in front. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { PoolClient, Submittable } from "pg";
import { LanedPool } from "../../../src/adapters/pg.ts";
import type { LanedPoolConfig } from "../../../src/adapters/pg.ts";
import { Resource } from "../../../src/node/resource.ts";
import { collect } from "../../collect.ts";
import { databaseFor } from "../../databases/server.ts";
import { needsPackage } from "../../needs.ts";

const fromDatabases = createRequire(new URL("../../databases/package.json", import.meta.url));

/** What is used of `pg-cursor`: this file is checked without it too. */
type CursorClass = new (text: string) => Submittable & {
  read(rows: number): Promise<{ n: number }[]>;
  close(): Promise<void>;
};
type StreamClass = new (text: string) => Submittable & Readable;

test("what the driver can do goes on", async (t) => {
  const database = await databaseFor(t);
  if (database === undefined) return;
  const { connectionString } = database;
  const poolOf = (inner: TestContext, config: LanedPoolConfig = {}): LanedPool => {
    const pool = new LanedPool({ connectionString, max: 2, ...config });
    inner.after(() => (pool.ending ? undefined : pool.end()));
    return pool;
  };
  const inUse = ({ resource }: LanedPool): number => resource.snapshot().seatsInUse;
  const pidOf = async (pool: LanedPool): Promise<number> =>
    (await pool.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]!.pid;

  await t.test(
    "a cursor is read in pieces and keeps its seat until its client is released",
    async (inner) => {
      if (!needsPackage(inner, "test/databases", "pg-cursor")) return;
      const Cursor = fromDatabases("pg-cursor") as CursorClass;
      const pool = poolOf(inner);
      const client = await pool.inLane("bulk").connect();
      const cursor = client.query(new Cursor("select n from generate_series(1, 5) n"));
      assert.deepEqual(await cursor.read(2), [{ n: 1 }, { n: 2 }]);
      assert.equal(inUse(pool), 1);
      assert.deepEqual(await cursor.read(9), [{ n: 3 }, { n: 4 }, { n: 5 }]);
      await cursor.close();
      client.release();
      assert.equal(inUse(pool), 0);
    },
  );

  await t.test("rows are streamed, also in a lane whose queries may be stopped", async (inner) => {
    if (!needsPackage(inner, "test/databases", "pg-query-stream")) return;
    const QueryStream = fromDatabases("pg-query-stream") as StreamClass;
    const pool = poolOf(inner);
    const client = await pool.inLane("bulk", { preemptible: true }).connect();
    let sum = 0;
    for await (const { n } of client.query(new QueryStream("select n from generate_series(1, 300) n")))
      sum += n as number;
    client.release();
    assert.deepEqual([sum, inUse(pool)], [45_150, 0]);
  });

  await t.test("a named statement is prepared once on each connection", async (inner) => {
    const pool = poolOf(inner, { max: 1 });
    const double = { name: "double", text: "select $1::int * 2 as n" };
    for (const lane of ["critical", "bulk", "normal"])
      assert.deepEqual((await pool.inLane(lane).query({ ...double, values: [21] })).rows, [{ n: 42 }]);
    const { rows } = await pool.query("select name from pg_prepared_statements where name = 'double'");
    assert.deepEqual(rows, [{ name: "double" }]);
  });

  await t.test("a connection is closed after maxUses, and its seat comes back", async (inner) => {
    const pool = poolOf(inner, { max: 1, maxUses: 2 });
    const pids = [await pidOf(pool), await pidOf(pool), await pidOf(pool)];
    assert.equal(pids[0], pids[1]);
    assert.notEqual(pids[1], pids[2]);
  });

  await t.test(
    "a connection is closed when it has lived for maxLifetimeSeconds, idle or out",
    async (inner) => {
      const pool = poolOf(inner, { max: 1, maxLifetimeSeconds: 0.05 });
      await pool.query("select 1");
      await once(pool, "remove");
      assert.deepEqual([pool.totalCount, inUse(pool)], [0, 0]);
      const client = await pool.connect();
      await client.query("select pg_sleep(0.2)");
      assert.equal(pool.expiredCount, 1);
      client.release();
      while (inUse(pool) > 0) await once(pool, "remove");
      assert.equal((await pool.query("select 1")).rowCount, 1);
    },
  );

  await t.test("idle connections are closed after idleTimeoutMillis, but for min of them", async (inner) => {
    const pool = poolOf(inner, { idleTimeoutMillis: 30, min: 1 });
    let made = 0;
    pool.on("connect", () => made++);
    // The first may be idle for long enough before the second is.
    const removed = once(pool, "remove");
    await Promise.all([pool.query("select pg_sleep(0.05)"), pool.query("select pg_sleep(0.05)")]);
    await removed;
    assert.equal(made, 2);
    assert.deepEqual([pool.totalCount, pool.idleCount, inUse(pool)], [1, 1, 0]);
  });

  await t.test("onConnect is awaited before the first use, and its error is the caller's", async (inner) => {
    // Its type says nothing of a promise.
    const hook = (onConnect: (client: PoolClient) => Promise<unknown>): object => ({ onConnect });
    const pool = poolOf(
      inner,
      hook((client) => client.query("set application_name = 'by-hook'")),
    );
    assert.deepEqual((await pool.query("show application_name")).rows, [{ application_name: "by-hook" }]);
    const refusing = poolOf(inner, { lane: "low", ...hook(() => Promise.reject(new Error("not today"))) });
    await assert.rejects(refusing.query("select 1"), { message: "not today", lane: "low" });
    await assert.rejects(refusing.connect(), { message: "not today", lane: "low" });
    assert.deepEqual([refusing.totalCount, inUse(refusing)], [0, 0]);
  });

  await t.test("verify sees a new connection first, and refuses it without costing a seat", async (inner) => {
    let verified = 0;
    const verify = (_client: PoolClient, done: (error?: Error) => void): void =>
      done(++verified === 1 ? new Error("not fit") : undefined);
    const pool = poolOf(inner, { max: 1, verify });
    await assert.rejects(pool.query("select 1"), { message: "not fit" });
    assert.equal(inUse(pool), 0);
    assert.equal((await pool.query("select 1")).rowCount, 1);
    assert.equal(verified, 2);
  });

  await t.test(
    "a limit that is raised is followed with connections, and one that is lowered too",
    async (inner) => {
      const own = poolOf(inner, { max: 1 });
      const resource = new Resource({ name: "db", limit: 1, lanes: [{ name: "normal" }] });
      const given = new LanedPool({ connectionString, resource });
      inner.after(() => given.end());
      for (const pool of [own, given]) {
        const first = await pool.connect();
        const waiting = [pool.connect(), pool.connect()];
        assert.equal(pool.waitingCount, 2);
        pool.resource.update({ limit: 3 });
        const clients = [first, ...(await Promise.all(waiting))];
        assert.equal(pool.totalCount, 3);
        pool.resource.update({ limit: 1 });
        for (const client of clients) client.release();
        const again = await pool.connect();
        const late = pool.connect();
        assert.equal(pool.waitingCount, 1);
        again.release();
        (await late).release();
      }
    },
  );

  await t.test("a pool with a max of its own keeps to it, whatever its resource allows", async (inner) => {
    const resource = new Resource({ name: "db", limit: 5, lanes: [{ name: "normal" }] });
    const pool = poolOf(inner, { resource, max: 2 });
    await Promise.all(Array.from({ length: 6 }, () => pool.query("select pg_sleep(0.01)")));
    assert.deepEqual([pool.totalCount, inUse(pool)], [2, 0]);
  });

  await t.test("an ended pool is forgotten, whoever has checked out of it", async () => {
    const ended = async (): Promise<WeakRef<LanedPool>> => {
      const pool = new LanedPool({ connectionString, max: 2 });
      (await pool.connect()).release();
      await pool.end();
      return new WeakRef(pool);
    };
    // In a context of its own, for a context remembers its last checkout, and with it the pool.
    const known = await Promise.resolve().then(ended);
    // Its sockets are told of their end in later turns of the event loop.
    for (let turn = 0; turn < 50 && known.deref() !== undefined; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    assert.equal(known.deref(), undefined);
  });
});
