/** What `laneway postgres` prints, on a server: the lanes hold there for clients that know nothing of Laneway. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { pgbouncerIni } from "../../src/cli/postgres/pgbouncer.ts";
import { planServer } from "../../src/cli/postgres/plan.ts";
import { applySql, undoSql } from "../../src/cli/postgres/sql.ts";
import { defaultPolicy, laneOf } from "../../src/policy/policy.ts";
import { folderWith } from "../cli/command.ts";
import { needsProgram } from "../needs.ts";
import { as, connect, gone, POLICY, printed, rolesOf, serverForLanes, setPasswords } from "./lane-roles.ts";
import type { Database } from "./server.ts";

test("a server with these roles holds the lanes", async (t) => {
  const database = await serverForLanes(t);
  if (database === undefined) return;
  const admin = await connect(t, database);
  const before = await rolesOf(admin);
  const warned: string[] = [];
  admin.on("notice", ({ severity, message }) => severity === "WARNING" && warned.push(message ?? ""));
  const sql = await printed(t, POLICY);

  await t.test("applied twice they are as after the first time, without a warning", async () => {
    await admin.query(sql);
    const roles = await rolesOf(admin);
    await admin.query(sql);
    assert.deepEqual(await rolesOf(admin), roles);
    assert.deepEqual(warned, []);
    assert.deepEqual(roles.slice(0, 3), [
      {
        rolname: "app_bulk",
        rolcanlogin: true,
        rolconnlimit: 4,
        rolconfig: [
          "statement_timeout=300ms",
          "application_name=laneway:bulk",
          "max_parallel_workers_per_gather=0",
        ],
        description: "laneway postgres: lane bulk",
        member_of: [],
      },
      {
        rolname: "app_critical",
        rolcanlogin: true,
        rolconnlimit: 10,
        rolconfig: ["statement_timeout=30000ms", "application_name=laneway:critical"],
        description: "laneway postgres: lane critical",
        member_of: ["pg_use_reserved_connections"],
      },
      {
        rolname: "app_normal",
        rolcanlogin: true,
        rolconnlimit: 8,
        rolconfig: ["statement_timeout=60000ms", "application_name=laneway:normal"],
        description: "laneway postgres: lane normal",
        member_of: [],
      },
    ]);
  });

  await t.test("nobody logs in to a role before it was given a password", async (part) => {
    await assert.rejects(connect(part, database, as("bulk")), { code: "28P01" });
    await setPasswords(admin);
  });

  await t.test(
    "a statement that outlasts its lane's time-out gets 57014, and its lane is to be seen",
    async (part) => {
      const bulk = await connect(part, database, as("bulk"));
      await assert.rejects(bulk.query("SELECT pg_sleep(30)"), { code: "57014" });
      const { rows } = await admin.query(
        "SELECT usename, application_name FROM pg_stat_activity WHERE usename LIKE 'app%'",
      );
      assert.deepEqual(rows, [{ usename: "app_bulk", application_name: "laneway:bulk" }]);
    },
  );

  await t.test("the fifth connection of a lane of four is refused with 53300", async (part) => {
    for (let n = 0; n < 4; n++) await connect(part, database, as("bulk"));
    await assert.rejects(connect(part, database, as("bulk")), {
      code: "53300",
      message: 'too many connections for role "app_bulk"',
    });
    await connect(part, database, as("critical"));
  });
  await gone(admin);

  await t.test("critical still gets in when the other lanes have taken all that they can", async (part) => {
    for (let n = 0; n < 4; n++) await connect(part, database, as("bulk"));
    for (let n = 0; n < 4; n++) await connect(part, database, as("normal"));
    await assert.rejects(connect(part, database, as("normal")), { code: "53300", message: /reserved/ });
    for (let n = 0; n < 2; n++) {
      const client = await connect(part, database, as("critical"));
      const { rows } = await client.query("SELECT current_user AS who");
      assert.deepEqual(rows, [{ who: "app_critical" }]);
    }
    await assert.rejects(connect(part, database, as("critical")), { code: "53300", message: /reserved/ });
  });
  await gone(admin);

  await t.test("a lane that lost its reservation loses the right to the reserve", async (part) => {
    await admin.query(await printed(part, POLICY.replace("reservation: 2, lendable: 0", "reservation: 0")));
    const roles = (await rolesOf(admin)) as { rolname: string; member_of: string[] }[];
    assert.deepEqual(roles.find(({ rolname }) => rolname === "app_critical")?.member_of, []);
    await admin.query(sql);
  });

  await t.test(
    "a server that has less than the lanes expect is told of, and gets the roles all the same",
    async () => {
      await admin.query(
        await printed(
          t,
          POLICY.replace("limit: 10", "limit: 12").replace("reservation: 2", "reservation: 3"),
        ),
      );
      assert.deepEqual(warned, [
        "the server has 11 connections beside those of superusers, the lanes expect 12",
        "reserved_connections is 2, the lanes expect 3",
      ]);
    },
  );

  await t.test("--undo leaves nothing, and is no error where there is nothing", async (part) => {
    const undo = await printed(part, POLICY, "--undo");
    await admin.query(undo);
    assert.deepEqual(await rolesOf(admin), before);
    await admin.query(undo);
  });

  await t.test(
    "--undo changes nothing when a role owns something, and PostgreSQL says what",
    async (part) => {
      await admin.query(sql);
      await admin.query("CREATE TABLE report (id int); ALTER TABLE report OWNER TO app_normal");
      const had = await rolesOf(admin);
      await assert.rejects(admin.query(await printed(part, POLICY, "--undo")), {
        code: "2BP01",
        detail: "owner of table report",
      });
      await admin.query("ROLLBACK");
      assert.deepEqual(await rolesOf(admin), had);
      await admin.query("DROP TABLE report");
      await admin.query(await printed(part, POLICY, "--undo"));
    },
  );

  await t.test("a role that was there keeps what it had, and is not dropped by --undo", async (part) => {
    await admin.query("CREATE ROLE app_bulk; ALTER ROLE app_bulk SET work_mem = '1MB'");
    const had = await rolesOf(admin);
    await admin.query(sql);
    await admin.query(await printed(part, POLICY, "--undo"));
    assert.deepEqual(await rolesOf(admin), had);
    await admin.query("DROP ROLE app_bulk");
  });

  await t.test("a superuser, whom no limit holds, is refused, and nothing is changed", async () => {
    await admin.query("CREATE ROLE app_bulk SUPERUSER");
    const had = await rolesOf(admin);
    await assert.rejects(admin.query(sql), {
      message: "expected roles that are no superusers, found app_bulk",
    });
    await admin.query("ROLLBACK");
    assert.deepEqual(await rolesOf(admin), had);
    await admin.query("DROP ROLE app_bulk");
  });

  await t.test("no name does harm, be it of a lane, a role or the policy's file", async () => {
    const evil = ['low"; drop', "it's \\ $laneway$;", "a\n\\! b"];
    const policy = {
      ...defaultPolicy(),
      file: "a\n; SELECT 1/0;",
      lanes: evil.slice(0, 2).map(laneOf),
      defaultLane: evil[0]!,
    };
    await admin.query('CREATE ROLE "own""er"');
    const options = {
      prefix: 'p"$x',
      memberOf: 'own"er',
      maxConnections: 8,
      serverVersion: 18,
      split: false,
    };
    const plan = planServer(policy, options);
    const had = await rolesOf(admin);
    await admin.query(applySql(plan));
    const { rows } = await admin.query<{ rolname: string; rolconfig: string[] }>(
      "SELECT rolname, rolconfig FROM pg_roles WHERE rolname LIKE 'p%x\\_%' ORDER BY 1",
    );
    assert.deepEqual(
      rows.map(({ rolname, rolconfig }) => [rolname, rolconfig[1]]),
      [
        [`p"$x_${evil[1]}`, `application_name=laneway:${evil[1]}`],
        [`p"$x_${evil[0]}`, `application_name=laneway:${evil[0]}`],
      ],
    );
    await admin.query(undoSql(plan));
    assert.deepEqual(await rolesOf(admin), had);
    await admin.query('DROP ROLE "own""er"');
    const address = { host: "127.0.0.1", port: 5432, name: "shop" };
    assert.throws(() => pgbouncerIni(plan, address), /^PlanError: --pgbouncer: expected names of letters/);
    const lanes = [laneOf(evil[2]!)];
    assert.throws(
      () => planServer({ ...policy, lanes, defaultLane: evil[2]! }, options),
      /control characters/,
    );
  });
});

test("the rights of --member-of come with the role", async (t) => {
  const database = await serverForLanes(t);
  if (database === undefined) return;
  const admin = await connect(t, database);
  await admin.query("CREATE ROLE shop; CREATE TABLE orders (id int); ALTER TABLE orders OWNER TO shop");
  await admin.query(await printed(t, POLICY, "--member-of", "shop", "--server-version", "15"));
  await setPasswords(admin);
  const critical = await connect(t, database, as("critical"));
  assert.deepEqual((await critical.query("SELECT * FROM orders")).rows, []);
  const { rows } = await admin.query(
    "SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname LIKE 'app%' ORDER BY 1",
  );
  assert.deepEqual(
    rows.map((row) => Object.values(row as object)),
    [
      ["app_bulk", 3],
      ["app_critical", 4],
      ["app_normal", 3],
    ],
  );
});

test("laneway postgres | psql applies it, and the line for the reserve does what it says", async (t) => {
  if (!needsProgram(t, "psql", "apt-get install postgresql-client")) return;
  const database = await serverForLanes(t);
  if (database === undefined) return;
  const admin = await connect(t, database);
  const before = await rolesOf(admin);
  const sql = await printed(t, POLICY);
  const cwd = await folderWith(t, { "laneway.yaml": POLICY });
  const line = '"$NODE" "$MAIN" postgres --policy laneway.yaml | $PSQL';
  assert.deepEqual(await shell(line, database, { cwd }), QUIET);
  assert.equal((await rolesOf(admin)).length, before.length + 3);
  assert.deepEqual(await shell("$PSQL", database, { input: sql }), QUIET);

  await admin.query(/^-- (ALTER SYSTEM SET .*;)$/m.exec(sql)![1]!);
  const setting =
    "SELECT setting FROM pg_file_settings WHERE name = 'reserved_connections' AND sourcefile LIKE '%auto.conf'";
  assert.deepEqual((await admin.query(setting)).rows, [{ setting: "2" }]);

  const undo = await printed(t, POLICY, "--undo");
  assert.deepEqual(await shell("$PSQL", database, { input: undo }), QUIET);
  await admin.query(/^-- (ALTER SYSTEM RESET .*;)$/m.exec(undo)![1]!);
  assert.deepEqual((await admin.query(setting)).rows, []);
  assert.deepEqual(await rolesOf(admin), before);
});

const QUIET = { code: 0, err: "" };

/** A shell line in which `$PSQL` is connected to the database. */
async function shell(
  line: string,
  { connectionString }: Database,
  { cwd, input = "" }: { cwd?: string; input?: string },
): Promise<{ code: number | null; err: string }> {
  const env = {
    ...process.env,
    NODE_TEST_CONTEXT: undefined,
    NODE: process.execPath,
    MAIN: fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url)),
    PSQL: `psql -X -q -v ON_ERROR_STOP=1 ${connectionString}`,
    // To grant what was granted is worth a notice to it.
    PGOPTIONS: "-c client_min_messages=warning",
  };
  const child = spawn("sh", ["-c", line], { cwd, env, stdio: ["pipe", "ignore", "pipe"] });
  let err = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, err };
}
