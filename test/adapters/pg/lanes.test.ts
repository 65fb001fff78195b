import assert from "node:assert/strict";
import { AsyncResource } from "node:async_hooks";
import { once } from "node:events";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Pool } from "pg";
import type { PoolClient } from "pg";
import { LanedPool } from "../../../src/adapters/pg.ts";
import type { LanedPoolConfig } from "../../../src/adapters/pg.ts";
import type { LanewayError } from "../../../src/core/errors.ts";
import { runInLane } from "../../../src/node/context.ts";
import { Resource } from "../../../src/node/resource.ts";
import { databaseFor } from "../../databases/server.ts";

/** In an async context of its own: the client is not this test's. */
function elsewhere<T>(fn: () => T): T {
  return new AsyncResource("elsewhere").runInAsyncScope(fn);
}

const LANES = [{ name: "critical" }, { name: "normal" }, { name: "bulk" }];

test("a laned pool on a real server", async (t) => {
  const database = await databaseFor(t);
  if (database === undefined) return;
  const { connectionString } = database;
  const poolOf = (inner: TestContext, config: LanedPoolConfig = {}): LanedPool => {
    const pool = new LanedPool({ connectionString, ...config });
    inner.after(() => (pool.ending ? undefined : pool.end()));
    return pool;
  };

  await t.test("it is a pool of the driver's that answers promises and callbacks", async (inner) => {
    const pool = poolOf(inner, { max: 2 });
    assert.ok(pool instanceof Pool);
    assert.deepEqual((await pool.query("select $1::int as n", [7])).rows, [{ n: 7 }]);
    const client = await pool.connect();
    assert.deepEqual((await client.query("select 1 as n")).rows, [{ n: 1 }]);
    client.release();
    const rows = await new Promise((resolve, reject) => {
      pool.connect((error, given, done) => {
        if (given === undefined) return reject(error);
        given.query("select 2 as n", (failure, result) => {
          done();
          if (failure === null || failure === undefined) resolve(result.rows);
          else reject(failure);
        });
      });
    });
    assert.deepEqual(rows, [{ n: 2 }]);
    assert.equal(pool.resource.snapshot().seatsInUse, 0);
  });

  await t.test("waiters are served by lane, not by arrival", async (inner) => {
    const pool = poolOf(inner, { resource: new Resource({ name: "db", limit: 1, lanes: LANES }) });
    assert.equal(pool.options.max, 1);
    const held = await pool.connect();
    const order: string[] = [];
    const ask = (name: string, done: Promise<unknown>): Promise<unknown> => done.then(() => order.push(name));
    const all = [
      ask("bulk", pool.inLane("bulk").query("select 1")),
      ask("normal", pool.query("select 1")),
      ask(
        "critical",
        runInLane("critical", () => pool.query("select 1")),
      ),
    ];
    assert.equal(pool.waitingCount, 3);
    held.release();
    await Promise.all(all);
    assert.deepEqual(order, ["critical", "normal", "bulk"]);
    assert.equal(pool.waitingCount, 0);
  });

  await t.test(
    "of four connections bulk gets three, and a critical query finds the fourth",
    async (inner) => {
      const pool = poolOf(inner, { max: 4 });
      const bulk = pool.inLane("bulk");
      const clients = await Promise.all([bulk.connect(), bulk.connect(), bulk.connect()]);
      const fourth = bulk.connect();
      assert.equal(pool.waitingCount, 1);
      assert.equal((await pool.inLane("critical").query("select 1")).rowCount, 1);
      assert.equal(pool.waitingCount, 1);
      for (const client of clients) client.release();
      (await fourth).release();
    },
  );

  await t.test(
    "a wait counts against connectionTimeoutMillis and fails with the driver's text",
    async (inner) => {
      const pool = poolOf(inner, { max: 1, connectionTimeoutMillis: 300 });
      const held = await elsewhere(() => pool.connect());
      await assert.rejects(pool.connect(), { message: "timeout exceeded when trying to connect" });
      assert.equal(pool.waitingCount, 0);
      held.release();
      assert.equal((await pool.query("select 1")).rowCount, 1);
    },
  );

  await t.test("a second release throws the driver's error and gives back nothing more", async (inner) => {
    const pool = poolOf(inner, { max: 2 });
    const [first, second] = await Promise.all([pool.connect(), pool.connect()]);
    first.release();
    assert.throws(() => first.release(), /already been released/);
    assert.equal(pool.resource.snapshot().seatsInUse, 1);
    second.release();
  });

  await t.test("the pool ends when those who waited were served, and takes nobody more", async (inner) => {
    const pool = poolOf(inner, { max: 1 });
    const held = await pool.connect();
    const waiting = pool.query("select 1");
    const ended = pool.end();
    await assert.rejects(pool.connect(), /after calling end/);
    held.release();
    assert.equal((await waiting).rowCount, 1);
    await ended;
    assert.equal(pool.ended, true);
    assert.equal(pool.resource.snapshot().seatsInUse, 0);
  });

  await t.test("a client that is not released is warned of with its lane and the line", async (inner) => {
    const pool = poolOf(inner, { max: 1, checkoutWarningMs: 1 });
    const warned = once(process, "warning");
    const client = await pool.inLane("high").connect();
    const [warning] = (await warned) as [Error];
    assert.equal(warning.name, "LanewayCheckoutWarning");
    assert.match(warning.message, /lane "high" was not released for 1 ms[^]*lanes\.test\.ts/);
    client.release();
  });

  await t.test("a pool whose work names no lane is used whole", async (inner) => {
    const pool = poolOf(inner, { max: 4 });
    await Promise.all(Array.from({ length: 20 }, () => pool.query("select pg_sleep(0.005)")));
    assert.equal(pool.totalCount, 4);
    await pool.inLane("bulk").query("select 1");
    assert.equal(pool.resource.snapshot().lanes[0]?.floor, 1);
  });

  await t.test(
    "checkouts inside checkouts: the newest is refused with both places, the others go on",
    async (inner) => {
      const pool = poolOf(inner, { max: 2 });
      const request = async (): Promise<number | null> => {
        const outer = await pool.connect();
        try {
          return (await pool.query("select 1")).rowCount;
        } finally {
          outer.release();
        }
      };
      const ends = await Promise.allSettled([elsewhere(request), elsewhere(request)]);
      const refused = ends
        .filter((end) => end.status === "rejected")
        .map(({ reason }) => reason as LanewayError);
      assert.equal(refused.length, 1);
      assert.equal(refused[0]?.code, "LANEWAY_DEADLOCK");
      assert.match(
        refused[0].message,
        /asked for here:[^]*lanes\.test\.ts[^]*asked for here:[^]*lanes\.test\.ts/,
      );
      assert.equal(pool.resource.snapshot().seatsInUse, 0);
    },
  );

  await t.test(
    "a client that was handed on is nobody's deadlock, and one that is released in time neither",
    async (inner) => {
      const pool = poolOf(inner, { max: 1 });
      const done: Promise<void>[] = [];
      for (let i = 0; i < 3; i++) {
        const client = await pool.connect();
        const work = async (): Promise<void> => {
          await client.query("select pg_sleep(0.25)");
          client.release();
        };
        done.push(work());
      }
      await Promise.all(done);
      assert.equal(
        pool.resource.snapshot().lanes.reduce((sum, { rejected }) => sum + rejected, 0),
        0,
      );
    },
  );

  await t.test(
    "in a request, a wait beside a client that an async function has hidden is refused",
    async (inner) => {
      const pool = poolOf(inner, { max: 1 });
      await assert.rejects(
        runInLane("high", () => inTransaction(pool, () => pool.query("select 1"))),
        {
          code: "LANEWAY_DEADLOCK",
          lane: "high",
          message: /asked for here:[^]*holds the one[^]*inTransaction/,
        },
      );
      assert.equal(pool.resource.snapshot().seatsInUse, 0);
    },
  );

  await t.test("it is not while that client runs queries, one long one or many short ones", async (inner) => {
    const pool = poolOf(inner, { max: 1 });
    const elsewhereToo = poolOf(inner, { max: 1 });
    const ways = {
      long: (client: PoolClient) => client.query("select pg_sleep(2)"),
      // Idle nearly all the time, and at nearly every look.
      short: async (client: PoolClient) => {
        for (let i = 0; i < 50; i++) {
          await client.query("select 1");
          await elsewhereToo.query("select pg_sleep(0.04)");
        }
      },
    };
    for (const work of Object.values(ways)) {
      const served = await runInLane("high", async () => {
        const waiting = Promise.withResolvers<Promise<{ rowCount: number | null }>>();
        await inTransaction(pool, async (client) => {
          const query = pool.query("select 1");
          // Whatever comes of it is told below.
          query.catch(() => {});
          waiting.resolve(query);
          await work(client);
        });
        return await waiting.promise;
      });
      assert.equal(served.rowCount, 1);
    }
  });
});

/** As an ORM does it: what the checkout sets in the async context ends with the function that asks for it. */
async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await acquire(pool);
  try {
    return await work(client);
  } finally {
    client.release();
  }
}

async function acquire(pool: Pool): Promise<PoolClient> {
  await Promise.resolve();
  return await pool.connect();
}
