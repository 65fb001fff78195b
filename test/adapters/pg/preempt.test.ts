import assert from "node:assert/strict";
import { test } from "node:test";
import { LanedPool } from "../../../src/adapters/pg.ts";
import { Resource } from "../../../src/node/resource.ts";
import { databaseFor } from "../../databases/server.ts";

const ROUNDS = Number(process.env["LANEWAY_PREEMPT_ROUNDS"] ?? 300);
const LANES = [{ name: "critical" }, { name: "normal" }, { name: "bulk" }];

test("preemptible queries on a real server", async (t) => {
  const database = await databaseFor(t);
  if (database === undefined) return;
  const { connectionString } = database;
  const poolOf = (limit: number, preemptions = 3): LanedPool =>
    new LanedPool({
      connectionString,
      preemptions,
      resource: new Resource({ name: "db", limit, lanes: LANES }),
    });
  /** Resolves when so many backends run a sleep. */
  const asleep = async (watcher: LanedPool, count: number): Promise<void> => {
    const sleeping = "select count(*)::int as n from pg_stat_activity where wait_event = 'PgSleep'";
    while (((await watcher.query<{ n: number }>(sleeping)).rows[0]?.n ?? 0) < count);
  };

  await t.test(
    "one is stopped for a higher lane and sent again, and its caller notices nothing",
    async () => {
      const pool = poolOf(1);
      const watcher = poolOf(1);
      const bulk = pool.query({ text: "select pg_sleep(1), 'done' as word", preemptible: true });
      await asleep(watcher, 1);
      const order: string[] = [];
      const critical = pool.inLane("critical").query("select 1");
      await Promise.all([critical.then(() => order.push("critical")), bulk.then(() => order.push("bulk"))]);
      assert.deepEqual(order, ["critical", "bulk"]);
      assert.equal((await bulk).rows[0]?.["word"], "done");
      assert.equal(pool.resource.snapshot().seatsInUse, 0);
      await Promise.all([pool.end(), watcher.end()]);
    },
  );

  await t.test(
    "the youngest of the lowest lane is stopped, and nothing of the own or a higher one",
    async () => {
      const pool = poolOf(2);
      const watcher = poolOf(1);
      const order: string[] = [];
      const sleep = (lane: string, seconds: number): Promise<unknown> =>
        pool
          .inLane(lane, { preemptible: true })
          .query(`select pg_sleep(${seconds})`)
          .then(() => order.push(lane));
      const all = [sleep("normal", 0.6)];
      await asleep(watcher, 1);
      all.push(sleep("bulk", 0.7));
      await asleep(watcher, 2);
      all.push(
        pool
          .inLane("critical")
          .query("select 1")
          .then(() => order.push("critical")),
      );
      await Promise.all(all);
      assert.deepEqual(order, ["critical", "normal", "bulk"]);
      await Promise.all([pool.end(), watcher.end()]);
    },
  );

  await t.test("after as many stops as it may have, it is left to finish", async () => {
    const pool = poolOf(1, 1);
    const watcher = poolOf(1);
    const order: string[] = [];
    const bulk = pool
      .inLane("bulk", { preemptible: true })
      .query("select pg_sleep(0.3)")
      .then(() => order.push("bulk"));
    await asleep(watcher, 1);
    await pool.inLane("critical").query("select 1");
    await asleep(watcher, 1);
    const second = pool
      .inLane("critical")
      .query("select 1")
      .then(() => order.push("critical"));
    await Promise.all([bulk, second]);
    assert.deepEqual(order, ["bulk", "critical"]);
    await Promise.all([pool.end(), watcher.end()]);
  });

  await t.test("a transaction is never stopped, and a statement that begins one is refused", async () => {
    const pool = poolOf(1);
    for (const text of ["begin", " /* x */ COMMIT", "select 1; rollback", "call work()"])
      assert.throws(() => pool.query({ text, preemptible: true }), { code: "LANEWAY_INVALID" });
    const client = await pool.inLane("bulk", { preemptible: true }).connect();
    await client.query("begin");
    const critical = pool.inLane("critical").query("select 1");
    await client.query("select pg_sleep(0.05)");
    await client.query("commit");
    client.release();
    await critical;
    await pool.end();
  });

  await t.test(`in ${ROUNDS} rounds no cancel hits a query that nobody wanted to stop`, async () => {
    const pool = poolOf(2);
    const bulk = pool.inLane("bulk", { preemptible: true });
    let seed = 42;
    const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
    let rounds = 0;
    // Bulk queries about as long as a cancel takes, so that many end while one is on its way.
    const flood = async (): Promise<void> => {
      while (rounds < ROUNDS) await bulk.query(`select pg_sleep(${random() * 0.004})`);
    };
    const urgent = async (): Promise<void> => {
      while (rounds++ < ROUNDS) {
        await pool.inLane("critical").query("select 1 /* must not be hit */");
        const client = await pool.inLane("normal").connect();
        await client.query("begin");
        await client.query("select pg_sleep(0.0005)");
        await client.query("commit");
        client.release();
      }
    };
    await Promise.all([flood(), flood(), flood(), urgent(), urgent()]);
    await pool.end();
    // Connections that are being closed have their seats until then.
    assert.equal(await pool.resource.drain({ timeoutMs: 10_000 }), true);
    const { seatsInUse, waiting } = pool.resource.snapshot();
    assert.deepEqual({ seatsInUse, waiting }, { seatsInUse: 0, waiting: 0 });
  });
});
