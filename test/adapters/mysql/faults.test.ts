import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { test } from "node:test";
import { lanedPool } from "../../../src/adapters/mysql.ts";
import type { Laned } from "../../../src/adapters/mysql.ts";
import { seeded } from "../../../src/testing/index.ts";
import { loadMysql, mysqlFor } from "../../databases/mysql-server.ts";
import type { MysqlPool } from "../../databases/mysql-server.ts";

interface Failure extends Error {
  readonly code?: string;
  readonly lane?: string;
}

/** Every seat is back and nobody waits. */
function idle({ resource }: Laned): void {
  const { seatsInUse, waiting } = resource.snapshot();
  assert.deepEqual({ seatsInUse, waiting }, { seatsInUse: 0, waiting: 0 });
}

test("a laned pool of mysql2 when things break", async (t) => {
  const server = await mysqlFor(t);
  if (server === undefined) return;
  const mysql = loadMysql();
  const created: MysqlPool[] = [];
  const poolOf = (config: object): MysqlPool & Laned => {
    const pool = mysql.createPool({ ...server.options, connectionLimit: 4, ...config });
    created.push(pool);
    return lanedPool(pool);
  };
  const admin = mysql.createPool({ ...server.options, connectionLimit: 1 });
  const failureOf = (done: Promise<unknown>): Promise<Failure> =>
    done.then(
      () => assert.fail("expected a failure"),
      (error: Failure) => error,
    );

  await t.test("an error of a query gives the seat back, counted as failed", async () => {
    const pool = poolOf({});
    assert.equal((await failureOf(pool.query("selec 1"))).code, "ER_PARSE_ERROR");
    assert.equal((await failureOf(pool.execute("selec 1"))).code, "ER_PARSE_ERROR");
    const wrong = pool.execute("select ?", [undefined]);
    assert.match((await failureOf(wrong)).message, /must not contain undefined/);
    idle(pool);
    assert.equal(pool.resource.snapshot().lanes.find(({ name }) => name === "normal")?.failed, 2);
    await pool.end();
  });

  await t.test(
    "a wrong password and a port where nobody listens say their lane and keep no seat",
    async () => {
      await admin.query("create or replace user guarded identified by 'secret'");
      const guarded = poolOf({ user: "guarded", password: "wrong", connectionLimit: 2 });
      const all = await Promise.all(
        Array.from({ length: 6 }, () => failureOf(guarded.inLane("low").query("select 1"))),
      );
      for (const { code, lane } of all) assert.deepEqual([code, lane], ["ER_ACCESS_DENIED_ERROR", "low"]);
      idle(guarded);
      const nobody = poolOf({ port: 1 });
      const { code, lane } = await failureOf(nobody.inLane("bulk").getConnection());
      assert.deepEqual([code, lane], ["ECONNREFUSED", "bulk"]);
      idle(nobody);
    },
  );

  await t.test("a connection that cannot even be made keeps no seat", async () => {
    const stream = (): never => {
      throw new Error("no stream");
    };
    const pool = poolOf({ stream, connectionLimit: 1 });
    const all = await Promise.all(Array.from({ length: 3 }, () => failureOf(pool.query("select 1"))));
    for (const { message } of all) assert.equal(message, "no stream");
    idle(pool);
  });

  await t.test("more connections than the server allows fail with its error and keep no seat", async () => {
    await admin.query("set global max_connections = 10");
    await admin.query("grant select on test.* to guarded");
    const pool = poolOf({ user: "guarded", password: "secret", connectionLimit: 20 });
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => pool.getConnection()));
    const refused = all.filter(({ status }) => status === "rejected");
    assert.ok(refused.length >= 10);
    for (const { reason } of refused as PromiseRejectedResult[])
      assert.equal((reason as Failure).code, "ER_CON_COUNT_ERROR");
    for (const one of all) if (one.status === "fulfilled") one.value.release();
    idle(pool);
    await pool.query("select 1");
    await pool.end();
    await admin.query("set global max_connections = 200");
  });

  await t.test("a connection that the server ends gives its seat back before it is released", async () => {
    const pool = poolOf({ connectionLimit: 1 });
    const connection = await pool.getConnection();
    const asleep = failureOf(connection.query("select sleep(30)"));
    const waiting = pool.query("select 1 as n");
    await admin.query("kill ?", [connection.threadId]);
    assert.match((await asleep).message, /closed|interrupted|killed/i);
    assert.deepEqual((await waiting)[0], [{ n: 1 }]);
    connection.release();
    idle(pool);
    await pool.end();
  });

  await t.test("a connection that is lost while nobody uses it is no seat's", async () => {
    const pool = poolOf({ connectionLimit: 1 });
    const connection = await pool.getConnection();
    const { threadId } = connection;
    connection.release();
    await Promise.all([once(connection, "end"), admin.query("kill ?", [threadId])]);
    await pool.query("select 1");
    idle(pool);
    await pool.end();
  });

  await t.test(
    "a connection that is lost while it is reset leaves its place to who waits for it",
    async () => {
      const pool = poolOf({ connectionLimit: 1, resetOnRelease: true });
      const connection = await pool.getConnection();
      const waiting = pool.query("select 1 as n");
      const killed = failureOf(connection.query("kill connection_id()"));
      connection.release();
      await killed;
      assert.deepEqual((await waiting)[0], [{ n: 1 }]);
      idle(pool);
      await pool.end();
    },
  );

  await t.test("who waits in the driver, for a connection that is reset, takes one seat", async (inner) => {
    const listen = (): void => {};
    // With a listener the driver calls back through a function of its own.
    subscribe("tracing:mysql2:pool:connect:start", listen);
    inner.after(() => unsubscribe("tracing:mysql2:pool:connect:start", listen));
    const pool = poolOf({ connectionLimit: 2, resetOnRelease: true });
    const [first, second] = await Promise.all([pool.getConnection(), pool.getConnection()]);
    let enqueued = 0;
    // Five begin to wait in the lane, and one of them waits once more in the driver.
    const sixth = new Promise<void>((resolve) => {
      pool.on("enqueue", () => (++enqueued === 6 ? resolve() : undefined));
    });
    const all = Array.from({ length: 5 }, () => pool.query("select 1"));
    first.release();
    await sixth;
    second.destroy();
    await Promise.all(all);
    idle(pool);
    await pool.end();
  });

  await t.test(
    "five hundred queries in all lanes while connections are killed leave nothing behind",
    async () => {
      const random = seeded(7);
      const pool = poolOf({});
      const lanes = pool.resource.snapshot().lanes.map(({ name }) => name);
      const attempt = async (n: number): Promise<string> => {
        const inLane = pool.inLane(random.pick(lanes));
        if (n % 3 === 0) await inLane.query("select sleep(0.001)");
        else if (n % 3 === 1) await inLane.execute("select ?", [n]);
        else {
          const connection = await inLane.getConnection();
          try {
            await connection.beginTransaction();
            const working = connection.query("select sleep(0.001)");
            // It may have ended by itself.
            const killing =
              n % 12 === 2 ? admin.query("kill ?", [connection.threadId]).catch(() => {}) : undefined;
            await Promise.all([working, killing]);
            await connection.rollback();
          } finally {
            if (n % 12 === 8) connection.destroy();
            else connection.release();
          }
        }
        return "served";
      };
      const all = await Promise.all(
        Array.from({ length: 500 }, (_, n) => attempt(n).catch(({ message }: Failure) => message)),
      );
      const lost = all.filter((outcome) => outcome !== "served");
      assert.ok(lost.length > 0 && lost.length <= 42, `${lost.length} lost`);
      idle(pool);
      await pool.end();
    },
  );

  await t.test("a server that dies fails what runs and what waits, and every seat is back", async () => {
    const pool = poolOf({});
    await pool.query("select 1");
    const all = Array.from({ length: 12 }, (_, n) =>
      failureOf(pool.inLane(n % 2 === 0 ? "bulk" : "critical").query("select sleep(30)")),
    );
    assert.ok(pool.resource.snapshot().waiting > 0);
    process.kill(server.pid, "SIGKILL");
    for (const { code } of await Promise.all(all))
      assert.match(code ?? "", /PROTOCOL_CONNECTION_LOST|ECONNREFUSED|ECONNRESET/);
    idle(pool);
    await pool.end();
  });

  await Promise.allSettled([admin.end(), ...created.map((pool) => pool.end())]);
});
