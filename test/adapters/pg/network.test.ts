/** What runs too long, and what breaks on the way to the server. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { LanedPool } from "../../../src/adapters/pg.ts";
import type { LanedPoolConfig } from "../../../src/adapters/pg.ts";
import { LanewayError } from "../../../src/core/errors.ts";
import { runInLane } from "../../../src/node/context.ts";
import { Resource } from "../../../src/node/resource.ts";
import { databaseFor } from "../../databases/server.ts";
import type { Database } from "../../databases/server.ts";
import { needsProgram } from "../../needs.ts";

const SLEEPERS = "select count(*)::int as n from pg_stat_activity where wait_event = 'PgSleep'";

test("queries that take too long, and connections that break", async (t) => {
  const database = await databaseFor(t, { own: true });
  if (database === undefined) return;
  const { connectionString } = database;
  const poolOf = (inner: TestContext, config: LanedPoolConfig = {}): LanedPool => {
    const pool = new LanedPool({ connectionString, max: 2, ...config });
    pool.on("error", () => {});
    inner.after(() => (pool.ending ? undefined : pool.end()));
    return pool;
  };
  const inUse = ({ resource }: LanedPool): number => resource.snapshot().seatsInUse;
  const hurried = (): Resource =>
    new Resource({
      name: "db",
      limit: 1,
      lanes: [{ name: "normal" }, { name: "bulk", timeoutMs: 150 }],
    });
  /** Resolves when so many backends sleep. */
  const sleeping = async (watcher: LanedPool, count: number): Promise<void> => {
    while ((await watcher.query<{ n: number }>(SLEEPERS)).rows[0]!.n !== count);
  };

  await t.test(
    "the lane's time-out answers, stops the query at the server, and frees the seat",
    async (inner) => {
      const watcher = poolOf(inner);
      for (const preemptible of [false, true]) {
        const pool = poolOf(inner, { resource: hurried() });
        const slow = pool.inLane("bulk", { preemptible }).query("select pg_sleep(30)");
        const next = pool.query("select 1");
        await assert.rejects(slow, { code: "LANEWAY_TIMEOUT", reason: "task", lane: "bulk" });
        assert.equal((await next).rowCount, 1);
        await sleeping(watcher, 0);
        // A connection that is being closed has its seat until then.
        assert.equal(await pool.resource.drain({ timeoutMs: 10_000 }), true);
      }
    },
  );

  await t.test("so does the deadline of whoever asks, through a callback as well", async (inner) => {
    const pool = poolOf(inner);
    const error = await new Promise((resolve) => {
      runInLane({ lane: "high", deadline: performance.now() + 100 }, () =>
        pool.query("select pg_sleep(30)", (failure: Error) => resolve(failure)),
      );
    });
    assert.ok(error instanceof LanewayError);
    assert.equal(error.code, "LANEWAY_DEADLINE");
    assert.equal((await pool.query("select 1")).rowCount, 1);
  });

  await t.test(
    "a client that is checked out is its caller's, whatever its lane's time-out",
    async (inner) => {
      const pool = poolOf(inner, { resource: hurried() });
      const client = await pool.inLane("bulk").connect();
      await client.query("begin");
      assert.equal((await client.query("select pg_sleep(0.25)")).rowCount, 1);
      await client.query("commit");
      client.release();
      assert.equal(pool.totalCount, 1);
    },
  );

  await t.test(
    "a connection that is reset on the way fails with its lane and costs no seat",
    async (inner) => {
      const proxy = await proxyTo(inner, database);
      const pool = poolOf(inner, {
        connectionString: database.connectionString.replace(/:\d+\//, `:${proxy.port}/`),
      });
      const watcher = poolOf(inner);
      const query = pool.inLane("bulk").query("select pg_sleep(30)");
      const failed = assert.rejects(query, { lane: "bulk" });
      const client = await pool.inLane("low").connect();
      client.on("error", () => {});
      const broken = once(client, "error");
      await sleeping(watcher, 1);
      proxy.reset();
      await failed;
      // The server notices when it writes next.
      await watcher.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'",
      );
      await sleeping(watcher, 0);
      client.release(((await broken) as [Error])[0]);
      while (inUse(pool) > 0) await once(pool, "remove");
      assert.equal(pool.waitingCount, 0);
      assert.equal((await pool.query("select 1")).rowCount, 1);
    },
  );

  await t.test(
    "over TLS, whose certificate is checked, the request to stop goes the same way",
    async (inner) => {
      if (!needsProgram(inner, "openssl", "apt-get install openssl")) return;
      const ca = await speakTls(database, connectionString);
      const proxy = await proxyTo(inner, database);
      const ssl = { ca, checkServerIdentity: () => undefined };
      const resource = new Resource({
        name: "db",
        limit: 1,
        lanes: [{ name: "critical" }, { name: "bulk" }],
      });
      const pool = poolOf(inner, {
        connectionString: connectionString.replace(/:\d+\//, `:${proxy.port}/`),
        ssl,
        resource,
      });
      const watcher = poolOf(inner);
      const encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
      assert.deepEqual((await pool.query(encrypted)).rows, [{ ssl: true }]);
      const bulk = pool.inLane("bulk", { preemptible: true }).query("select pg_sleep(0.7), 'done' as word");
      await sleeping(watcher, 1);
      const order: string[] = [];
      await Promise.all([
        bulk.then(({ rows }) => order.push(String(rows[0]?.["word"]))),
        pool
          .inLane("critical")
          .query("select 1")
          .then(() => order.push("critical")),
      ]);
      assert.deepEqual(order, ["critical", "done"]);
      // SSLRequest, and never the key of a backend in the clear.
      assert.deepEqual([...new Set(proxy.first)], ["0000000804d2162f"]);
      assert.ok(proxy.first.length >= 2);
    },
  );
});

/** A way to the server that a test can break; `first` is what each connection began with, in hex. */
interface Proxy {
  readonly port: number;
  readonly first: string[];
  reset(): void;
}

async function proxyTo(t: TestContext, { host, port }: Database): Promise<Proxy> {
  const clients = new Set<Socket>();
  const first: string[] = [];
  const server = createServer((client) => {
    const upstream = connect(port, host);
    clients.add(client);
    client.once("data", (bytes: Buffer) => first.push(bytes.toString("hex")));
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.once("close", () => {
      clients.delete(client);
      upstream.destroy();
    });
    upstream.once("close", () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const reset = (): void => clients.forEach((client) => client.resetAndDestroy());
  t.after(async () => {
    reset();
    server.close();
    await once(server, "close");
  });
  return { port: (server.address() as AddressInfo).port, first, reset };
}

/** Gives the server a throwaway certificate, written by itself into its own folder, and returns it. */
async function speakTls({ host }: Database, connectionString: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "laneway-certificate-"));
  const [key, certificate] = [join(folder, "server.key"), join(folder, "server.crt")];
  try {
    const subject = ["-subj", "/CN=laneway-test", "-addext", `subjectAltName=IP:${host}`];
    const { status, stderr } = spawnSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        ...subject,
        "-keyout",
        key,
        "-out",
        certificate,
      ],
      { encoding: "utf8" },
    );
    assert.equal(status, 0, stderr);
    const pool = new LanedPool({ connectionString, max: 1 });
    for (const file of [key, certificate]) {
      const name = file === key ? "server.key" : "server.crt";
      await pool.query(
        `copy (select regexp_split_to_table('${readFileSync(file, "utf8").trim()}', '\n')) to program 'umask 077; cat > ${name}'`,
      );
    }
    await pool.query("alter system set ssl = on");
    await pool.query("select pg_reload_conf()");
    // The server tells of its new settings some time later, to those who come new.
    for (let on = ""; on !== "on";) on = (await pool.query<{ ssl: string }>("show ssl")).rows[0]!.ssl;
    await pool.end();
    return readFileSync(certificate, "utf8");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
