/** The aliases that `laneway postgres --pgbouncer` prints, in a pgbouncer in front of a server. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { escapeIdentifier } from "pg";
import type { Client } from "pg";
import { pgbouncerIni } from "../../src/cli/postgres/pgbouncer.ts";
import { planServer } from "../../src/cli/postgres/plan.ts";
import { applySql } from "../../src/cli/postgres/sql.ts";
import { defaultPolicy, laneOf } from "../../src/policy/policy.ts";
import { needsProgram } from "../needs.ts";
import { as, connect, LANES, POLICY, printed, serverForLanes, setPasswords } from "./lane-roles.ts";
import { startPgbouncer } from "./pgbouncer.ts";

test("pgbouncer with these aliases queues each lane for itself", async (t) => {
  if (!needsProgram(t, "pgbouncer", "apt-get install pgbouncer")) return;
  const database = await serverForLanes(t);
  if (database === undefined) return;
  const admin = await connect(t, database);
  const policy = POLICY.replace("ceiling: 4, timeout: 300ms", "ceiling: 1");
  await admin.query(await printed(t, policy));
  await setPasswords(admin);
  const url = `postgres://${database.host}:${database.port}/${database.database}`;
  const aliases = await printed(t, policy, "--pgbouncer", "--database", url);
  const users = { postgres: "secret", ...Object.fromEntries(LANES.map((lane) => [`app_${lane}`, "secret"])) };
  const hba = aliases
    .split("\n")
    .flatMap((line) => /^; {3}(host .*)$/.exec(line)?.[1] ?? [])
    .concat("host pgbouncer postgres 0.0.0.0/0 scram-sha-256", "");
  const port = await startPgbouncer(t, {
    aliases,
    own: `host=${database.host} port=${database.port} dbname=postgres`,
    users,
    admin: "postgres",
    hba: hba.join("\n"),
  });
  const through = (lane: string, alias = lane): Promise<Client> =>
    connect(t, database, { ...as(lane), port, database: `app_${alias}`, options: "-c work_mem=1MB" });

  for (const lane of LANES) {
    const client = await through(lane);
    const { rows } = await client.query(
      "SELECT current_user AS who, current_setting('statement_timeout') AS most, current_setting('application_name') AS name",
    );
    const most = { critical: "30s", normal: "1min", bulk: "5min" }[lane];
    assert.deepEqual(rows, [{ who: `app_${lane}`, most, name: `laneway:${lane}` }]);
    await client.end();
  }
  await assert.rejects(through("bulk", "critical"), { code: "08P01" });

  const console = await connect(t, database, {
    port,
    user: "postgres",
    password: "secret",
    database: "pgbouncer",
  });
  await admin.query("SELECT pg_advisory_lock(1)");
  const bulk = await Promise.all(Array.from({ length: 5 }, () => through("bulk")));
  let served = 0;
  const done = bulk.map(async (client) => {
    await client.query("SELECT pg_advisory_lock_shared(1), pg_advisory_unlock_shared(1)");
    served++;
    await client.end();
  });
  for (let waiting = 0; waiting < 4;) {
    const { rows } = await console.query<{ database: string; cl_waiting: string }>("SHOW POOLS");
    waiting = Number(rows.find((row) => row.database === "app_bulk")?.cl_waiting);
  }
  const { rows } = await (await through("critical")).query("SELECT 1 AS one");
  assert.deepEqual(rows, [{ one: 1 }]);
  assert.equal(served, 0);
  await admin.query("SELECT pg_advisory_unlock(1)");
  await Promise.all(done);
  assert.equal(served, 5);
});

test("pgbouncer knows lanes by names that SQL quotes, and a database by any name", async (t) => {
  if (!needsProgram(t, "pgbouncer", "apt-get install pgbouncer")) return;
  const database = await serverForLanes(t);
  if (database === undefined) return;
  const admin = await connect(t, database);
  const lanes = ["chat-first", "v1.2"];
  const policy = { ...defaultPolicy(), lanes: lanes.map(laneOf), defaultLane: "v1.2" };
  const plan = planServer(policy, { prefix: "app", maxConnections: 6, serverVersion: 18, split: true });
  await admin.query(applySql(plan));
  await admin.query(`CREATE DATABASE "it's a shop"`);
  const users: Record<string, string> = { postgres: "secret" };
  for (const { role } of plan.roles) {
    await admin.query(`ALTER ROLE ${escapeIdentifier(role)} PASSWORD 'secret'`);
    users[role] = "secret";
  }
  const { host, port: serverPort } = database;
  const aliases = pgbouncerIni(plan, { host, port: serverPort, name: "it's a shop" });
  const port = await startPgbouncer(t, {
    aliases,
    own: `host=${host} port=${serverPort} dbname=postgres`,
    users,
    admin: "postgres",
  });
  for (const { role } of plan.roles) {
    const client = await connect(t, database, { port, user: role, password: "secret", database: role });
    const { rows } = await client.query("SELECT current_user AS who, current_database() AS here");
    assert.deepEqual(rows, [{ who: role, here: "it's a shop" }]);
  }
  const client = await connect(t, database, { port, user: "app_v1.2", password: "secret", database: "own" });
  assert.deepEqual((await client.query("SELECT 1 AS one")).rows, [{ one: 1 }]);
});
