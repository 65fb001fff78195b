/** What docs/guides/postgres-across-processes.md says is so, on a server. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LanedPool } from "../../src/adapters/pg.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { showDuration } from "../../src/policy/units.ts";
import { examplesOf, isPolicy } from "../house/examples.ts";
import { readText, ROOT } from "../house/source.ts";
import { connect, gone, printed, setPasswords } from "./lane-roles.ts";
import { databaseFor } from "./server.ts";

const PAGE = "docs/guides/postgres-across-processes.md";
const blocks = examplesOf(ROOT, PAGE);
const policy = blocks.find(isPolicy)!.code;

test("the guide's commands give what its tables and its SQL say", async (t) => {
  const database = await databaseFor(t, { own: true });
  if (database === undefined) return;
  const admin = await connect(t, database);
  await admin.query("CREATE ROLE shop");
  await admin.query(await printed(t, policy, "--max-connections", "40", "--member-of", "shop"));
  const page = readText(ROOT, PAGE)!;
  const shown = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| (\d*) ?\| (.*) \|$/gm)].map((row) => row.slice(1));
  const json = JSON.parse(await printed(t, policy, "--max-connections", "40", "--json")) as {
    roles: {
      role: string;
      connectionLimit: number;
      poolSize: number;
      reserved: number;
      statementTimeoutMs: number;
    }[];
  };
  const { rows } = await admin.query<{ rolname: string; rolconnlimit: number }>(
    "SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname LIKE 'app%' ORDER BY rolconnlimit DESC",
  );
  assert.deepEqual(
    shown,
    json.roles.map(({ reserved, statementTimeoutMs }, rank) => [
      rows[rank]!.rolname,
      String(rows[rank]!.rolconnlimit),
      reserved === 0 ? "" : String(reserved),
      showDuration(statementTimeoutMs),
    ]),
  );
  const [critical, normal, bulk] = json.roles.map(({ poolSize }) => poolSize);
  assert.ok(page.includes(`${critical} for critical, ${normal} for normal, ${bulk} for bulk`));
  const commands = blocks.filter(({ language }) => language === "sql");
  assert.equal(commands.length, 2);
  for (const { code } of commands) await admin.query(code);
});

test("pools that log in as different lanes share the seats of one resource", async (t) => {
  const database = await databaseFor(t, { own: true });
  if (database === undefined) return;
  const admin = await connect(t, database);
  await admin.query(await printed(t, policy));
  await setPasswords(admin);
  const laneway = new Laneway(await parsePolicy(policy));
  t.after(() => laneway.close());
  const resource = laneway.resource("main-db");
  const { host, port } = database;
  const [critical, bulk] = ["critical", "bulk"].map(
    (lane) =>
      new LanedPool({
        resource,
        lane,
        host,
        port,
        database: "postgres",
        user: `app_${lane}`,
        password: "secret",
      }),
  ) as [LanedPool, LanedPool];
  const names = [];
  try {
    const clients = [await critical.connect(), await bulk.connect()];
    assert.equal(resource.snapshot().seatsInUse, 2);
    for (const client of clients) {
      const { rows } = await client.query<{ name: string }>(
        "SELECT current_setting('application_name') AS name",
      );
      names.push(rows[0]?.name);
      client.release();
    }
  } finally {
    await Promise.all([critical.end(), bulk.end()]);
    // A pool ends before its connections do, and then nobody listens to what a server says that stops.
    await gone(admin);
  }
  assert.deepEqual(names, ["laneway:critical", "laneway:bulk"]);
  assert.equal(resource.snapshot().seatsInUse, 0);
});
