import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { lanedPool } from "../../../src/adapters/mysql.ts";
import type { Laned, LanedPoolOptions } from "../../../src/adapters/mysql.ts";
import { currentLane, runInLane } from "../../../src/node/context.ts";
import { Resource } from "../../../src/node/resource.ts";
import { loadMysql, mysqlFor } from "../../databases/mysql-server.ts";
import type { MysqlPool } from "../../databases/mysql-server.ts";

const LANES = [{ name: "critical" }, { name: "normal" }, { name: "bulk" }];

const lanesOf = (limit: number): Resource => new Resource({ name: "db", limit, lanes: LANES });

test("a laned pool of mysql2 on a real server", async (t) => {
  const server = await mysqlFor(t);
  if (server === undefined) return;
  const mysql = loadMysql();
  const poolOf = (inner: TestContext, config: object, options: LanedPoolOptions = {}): MysqlPool & Laned => {
    const pool = mysql.createPool({ ...server.options, ...config });
    // As the driver ends it: a test that failed gave nothing back.
    const end = pool.pool.end.bind(pool.pool);
    inner.after(() => end(() => {}));
    return lanedPool(pool, options);
  };
  const idle = ({ resource }: Laned): void => {
    const { seatsInUse, waiting } = resource.snapshot();
    assert.deepEqual({ seatsInUse, waiting }, { seatsInUse: 0, waiting: 0 });
  };

  await t.test("it is the pool that it was given, and answers promises and callbacks", async (inner) => {
    const given = mysql.createPool({ ...server.options, connectionLimit: 2 });
    inner.after(() => given.end());
    const pool = lanedPool(given);
    assert.equal(pool, given);
    assert.deepEqual((await pool.query("select 1 as n"))[0], [{ n: 1 }]);
    assert.deepEqual((await pool.execute("select ? as n", ["two"]))[0], [{ n: "two" }]);
    const connection = await pool.getConnection();
    await connection.beginTransaction();
    assert.deepEqual((await connection.query("select 3 as n"))[0], [{ n: 3 }]);
    await connection.rollback();
    assert.equal(pool.resource.snapshot().seatsInUse, 1);
    connection.release();
    idle(pool);
    const rows = await new Promise((resolve, reject) => {
      pool.pool.getConnection((error, own) => {
        if (error !== null) return reject(error);
        own.query("select 4 as n", (failure, result) => {
          own.release();
          if (failure === null) resolve(result);
          else reject(failure);
        });
      });
    });
    assert.deepEqual(rows, [{ n: 4 }]);
    const prepared = await new Promise((resolve) =>
      pool.pool.execute("select ? as n", ["five"], (_error, result) => resolve(result)),
    );
    assert.deepEqual(prepared, [{ n: "five" }]);
    assert.deepEqual((await pool.pool.promise().query("select 6 as n"))[0], [{ n: 6 }]);
    idle(pool);
  });

  await t.test("waiters are served by lane, not by arrival", async (inner) => {
    const pool = poolOf(inner, { connectionLimit: 1 }, { resource: lanesOf(1) });
    const held = await pool.getConnection();
    const order: string[] = [];
    const ask = (name: string, done: Promise<unknown>): Promise<unknown> => done.then(() => order.push(name));
    const all = [
      ask("bulk", pool.inLane("bulk").query("select 1")),
      ask("normal", pool.execute("select 1")),
      ask(
        "critical",
        runInLane("critical", () => pool.query("select 1")),
      ),
    ];
    assert.equal(pool.resource.snapshot().waiting, 3);
    held.release();
    await Promise.all(all);
    assert.deepEqual(order, ["critical", "normal", "bulk"]);
    idle(pool);
  });

  await t.test(
    "forty bulk queries hold four connections, and a critical one is done first",
    async (inner) => {
      const pool = poolOf(inner, { connectionLimit: 4 });
      const order: string[] = [];
      const bulk = Array.from({ length: 40 }, () =>
        pool
          .inLane("bulk")
          .query("select sleep(0.1)")
          .then(() => order.push("bulk")),
      );
      await pool.inLane("critical").query("select 1");
      order.push("critical");
      await Promise.all(bulk);
      assert.deepEqual(order, ["critical", ...Array.from({ length: 40 }, () => "bulk")]);
      const lanes = pool.resource.snapshot().lanes.map(({ name, finished }) => [name, finished]);
      assert.deepEqual(lanes, [
        ["critical", 1],
        ["high", 0],
        ["normal", 0],
        ["low", 0],
        ["bulk", 40],
      ]);
    },
  );

  await t.test(
    "a program that names no lane uses every connection; then one is kept for critical",
    async (inner) => {
      const pool = poolOf(inner, { connectionLimit: 4 });
      const all = await Promise.all(Array.from({ length: 4 }, () => pool.getConnection()));
      for (const connection of all) connection.release();
      const bulk = pool.inLane("bulk");
      const three = await Promise.all([bulk.getConnection(), bulk.getConnection(), bulk.getConnection()]);
      const fourth = bulk.getConnection();
      assert.equal(pool.resource.snapshot().waiting, 1);
      await pool.inLane("critical").query("select 1");
      assert.equal(pool.resource.snapshot().waiting, 1);
      for (const connection of three) connection.release();
      (await fourth).release();
      idle(pool);
    },
  );

  await t.test("each form of the pool seen from a lane is in that lane", async (inner) => {
    const pool = poolOf(inner, { connectionLimit: 2 });
    const bulk = pool.inLane("bulk", { flow: "nightly" });
    await bulk.pool.promise().query("select 1");
    await bulk.pool.promise().execute("select 1");
    await new Promise((resolve) => bulk.pool.query("select 1", resolve));
    (await bulk.getConnection()).release();
    const { lanes } = pool.resource.snapshot();
    assert.equal(lanes.find(({ name }) => name === "bulk")?.finished, 4);
    assert.throws(() => pool.inLane("bluk"), {
      code: "LANEWAY_INVALID",
      message: 'inLane: expected one of critical, high, normal, low, bulk, found "bluk"',
    });
  });

  await t.test(
    "a callback goes on in the lane of its caller, whoever opened the connection",
    async (inner) => {
      const pool = poolOf(inner, { connectionLimit: 1 });
      const laneAt = (lane: string): Promise<string | undefined> =>
        new Promise((resolve) => {
          runInLane(lane, () => pool.pool.query("select 1", () => resolve(currentLane())));
        });
      assert.equal(await laneAt("bulk"), "bulk");
      assert.equal(await laneAt("critical"), "critical");
      const checkedOut = new Promise((resolve) => {
        runInLane("high", () =>
          pool.pool.getConnection((_error, connection) => {
            connection.release();
            resolve(currentLane());
          }),
        );
      });
      assert.equal(await checkedOut, "high");
      // The events of a stream are the connection's own: no lane is better than that of whoever opened it.
      const streamed = new Promise((resolve) => {
        runInLane("low", () => pool.pool.query("select 1").on("result", () => resolve(currentLane())));
      });
      assert.equal(await streamed, undefined);
    },
  );

  await t.test(
    "waitForConnections, queueLimit and the event of a wait are as in the driver",
    async (inner) => {
      const eager = poolOf(inner, { connectionLimit: 1, waitForConnections: false });
      const only = await eager.getConnection();
      await assert.rejects(eager.query("select 1"), { message: "No connections available." });
      only.release();
      const short = poolOf(inner, { connectionLimit: 1, queueLimit: 1 });
      let enqueued = 0;
      short.on("enqueue", () => enqueued++);
      const held = await short.getConnection();
      const waiting = short.query("select 1");
      await assert.rejects(short.query("select 1"), { message: "Queue limit reached." });
      assert.equal(enqueued, 1);
      held.release();
      await waiting;
      idle(short);
    },
  );

  await t.test("a connection given back twice, by either way, is given back once", async (inner) => {
    const pool = poolOf(inner, { connectionLimit: 3 });
    const [first, second, third] = await Promise.all([
      pool.getConnection(),
      pool.getConnection(),
      pool.getConnection(),
    ]);
    first.release();
    first.release();
    assert.equal(pool.resource.snapshot().seatsInUse, 2);
    pool.pool.releaseConnection(second.connection);
    assert.equal(pool.resource.snapshot().seatsInUse, 1);
    third.destroy();
    third.release();
    idle(pool);
    await Promise.all(Array.from({ length: 9 }, () => pool.query("select 1")));
  });

  await t.test(
    "the end waits for connections in use and those who wait, and takes nobody more",
    async (inner) => {
      const pool = poolOf(inner, { connectionLimit: 1 });
      const held = await pool.getConnection();
      await held.beginTransaction();
      const waiting = pool.query("select 1 as n");
      const ended = pool.end();
      const endedToo = pool.end();
      await assert.rejects(pool.query("select 1"), { message: "Pool is closed." });
      await held.query("select 1");
      held.release();
      assert.deepEqual((await waiting)[0], [{ n: 1 }]);
      await Promise.all([ended, endedToo]);
      await assert.rejects(pool.getConnection(), { message: "Pool is closed." });
      idle(pool);
    },
  );

  await t.test("a lane's own time-out ends a wait, with its error", async (inner) => {
    const lanes = [{ name: "critical" }, { name: "bulk", queue: { timeoutMs: 20 } }];
    const resource = new Resource({ name: "db", limit: 1, lanes });
    const pool = poolOf(inner, { connectionLimit: 1 }, { resource, lane: "bulk" });
    const held = await pool.getConnection();
    await assert.rejects(pool.query("select 1"), { code: "LANEWAY_TIMEOUT", lane: "bulk", reason: "queue" });
    await assert.rejects(new Promise((_resolve, reject) => pool.pool.query("select 1", reject)), {
      code: "LANEWAY_TIMEOUT",
    });
    held.release();
    idle(pool);
  });

  await t.test("a connection that is not released is warned of with its lane and the line", async (inner) => {
    const pool = poolOf(inner, { connectionLimit: 1 }, { checkoutWarningMs: 1 });
    const warned = once(process, "warning");
    const connection = await pool.inLane("high").getConnection();
    const [warning] = (await warned) as [Error];
    assert.equal(warning.name, "LanewayCheckoutWarning");
    assert.match(warning.message, /lane "high" was not released for 1 ms[^]*lanes\.test\.ts/);
    assert.doesNotMatch(warning.message, /mysql2|adapters.mysql.(lanes|install)\.ts/);
    connection.release();
  });

  const waysIn = {
    getConnection: (pool: MysqlPool) => pool.getConnection().then((own) => own.release()),
    query: (pool: MysqlPool) => pool.query("select 1").then(() => {}),
  };
  for (const [way, ask] of Object.entries(waysIn))
    await t.test(
      `when all connections are held by those who wait for another (${way}), the newest is refused`,
      async (inner) => {
        const pool = poolOf(inner, { connectionLimit: 2 });
        const both = Promise.withResolvers<void>();
        let holding = 0;
        const twice = async (): Promise<string> => {
          const outer = await pool.getConnection();
          try {
            if (++holding === 2) both.resolve();
            await both.promise;
            await ask(pool);
            return "served";
          } catch (error) {
            const { code, message } = error as Error & { code: string };
            assert.match(message, /asked for here:\n.*lanes\.test\.ts[^]*asked for here:\n.*lanes\.test\.ts/);
            return code;
          } finally {
            outer.release();
          }
        };
        const [first, second] = await Promise.all([twice(), twice()]);
        assert.deepEqual([first, second].sort(), ["LANEWAY_DEADLOCK", "served"]);
        idle(pool);
      },
    );

  await t.test("whoever waits for another while its connection works is not refused", async (inner) => {
    const pool = poolOf(inner, { connectionLimit: 1 });
    const outer = await pool.getConnection();
    const work = async (): Promise<void> => {
      for (let n = 0; n < 5; n++) await outer.query("select sleep(0.15)");
      outer.release();
    };
    const working = work();
    (await pool.getConnection()).release();
    await working;
    idle(pool);
  });

  await t.test("a pool with a wrong option, a second time, or that is no pool is refused", (inner) => {
    const pool = poolOf(inner, { connectionLimit: 2 });
    const fresh = (): MysqlPool => mysql.createPool({ ...server.options, connectionLimit: 2 });
    const refused = (make: () => unknown, message: string): void => {
      assert.throws(make, { code: "LANEWAY_INVALID", message });
    };
    refused(() => lanedPool(pool), 'lanedPool: expected a pool without lanes, found "one that has them"');
    refused(
      () => lanedPool(pool.pool),
      'lanedPool: expected a pool without lanes, found "one that has them"',
    );
    refused(
      () => lanedPool({} as MysqlPool),
      "lanedPool: expected a pool that createPool of mysql2 or mysql2/promise has made, found an object",
    );
    refused(
      () => lanedPool(fresh(), { lanes: [] } as LanedPoolOptions),
      'lanedPool: expected an option out of resource, lane, checkoutWarningMs, found "lanes"',
    );
    refused(
      () => lanedPool(fresh(), { lane: "urgent" }),
      'lanedPool: lane: expected one of critical, high, normal, low, bulk, found "urgent"',
    );
    refused(
      () => lanedPool(fresh(), { resource: lanesOf(3) }),
      'lanedPool: resource "db": expected a limit of at most the pool\'s connectionLimit, which is 2, found 3; ' +
        "give createPool that connectionLimit, or lower the resource's limit",
    );
    refused(
      () => lanedPool(mysql.createPool({ ...server.options, connectionLimit: 0 })),
      "lanedPool: expected a pool with a connectionLimit, found 0; or give it a resource, whose limit then holds",
    );
  });
});
