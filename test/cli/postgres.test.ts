import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { planServer, splitSeats } from "../../src/cli/postgres/plan.ts";
import type { PlanOptions } from "../../src/cli/postgres/plan.ts";
import { oneLine, sqlBlock, sqlName, sqlText } from "../../src/cli/postgres/quote.ts";
import { applySql } from "../../src/cli/postgres/sql.ts";
import { defaultPolicy, parsePolicy } from "../../src/policy/policy.ts";
import { folderWith, laneway } from "./command.ts";
import type { Ended } from "./command.ts";

const POLICY = "resources: { main-db: { limit: 50 }, http: { upstream: http://127.0.0.1:3000 } }";
const OPTIONS: PlanOptions = { prefix: "app", serverVersion: 18, split: false };

async function run(t: TestContext, policy: string | undefined, ...args: string[]): Promise<Ended> {
  const cwd = await folderWith(t, policy === undefined ? {} : { "laneway.yaml": policy });
  return laneway(["postgres", ...args], { cwd });
}

/** What each lane gets: name, limit, pool, reserve. */
async function numbers(policy: string, options: Partial<PlanOptions> = {}): Promise<unknown[][]> {
  const { roles } = planServer(await parsePolicy(policy), { ...OPTIONS, ...options });
  return roles.map(({ lane, connectionLimit, poolSize, reserved }) => [
    lane,
    connectionLimit,
    poolSize,
    reserved,
  ]);
}

async function refusal(t: TestContext, policy: string, ...args: string[]): Promise<string> {
  const { code, out, err } = await run(t, policy, ...args);
  assert.equal(code, 2, err);
  assert.equal(out, "");
  return err;
}

describe("laneway postgres", () => {
  it("prints a role for each lane, with its limit and time-out, in one transaction", async (t) => {
    const { code, out, err } = await run(t, POLICY);
    assert.deepEqual([code, err], [0, ""]);
    const commands = out
      .split("\n")
      .filter((line) => /^(BEGIN|COMMIT|ALTER ROLE|GRANT|ALTER SYSTEM)\b/.test(line));
    assert.deepEqual(commands.filter((line) => /CONNECTION|timeout|GRANT|;$/.test(line)).slice(0, 7), [
      "BEGIN;",
      'ALTER ROLE "app_critical" CONNECTION LIMIT 50;',
      `ALTER ROLE "app_critical" SET statement_timeout = '30000ms';`,
      `ALTER ROLE "app_critical" SET application_name = 'laneway:critical';`,
      'ALTER ROLE "app_critical" RESET max_parallel_workers_per_gather;',
      'GRANT pg_use_reserved_connections TO "app_critical";',
      'ALTER ROLE "app_high" CONNECTION LIMIT 40;',
    ]);
    assert.equal(commands.at(-1), "COMMIT;");
    assert.match(out, /^ALTER ROLE "app_bulk" SET max_parallel_workers_per_gather = 0;$/m);
    assert.match(out, /^-- ALTER SYSTEM SET reserved_connections = 10;$/m);
    assert.match(out, /restart the server/);
    assert.ok(!/PASSWORD\s+'/i.test(out));
  });

  it("keeps the floors, and lets a lane hold what no floor needs", async () => {
    assert.deepEqual(await numbers("resources: { db: { limit: 50 } }"), [
      ["critical", 50, 20, 10],
      ["high", 40, 15, 0],
      ["normal", 40, 10, 0],
      ["low", 40, 4, 0],
      ["bulk", 40, 1, 0],
    ]);
    const three =
      "lanes: [{ name: critical, reservation: 2, lendable: 0 }, { name: normal }, { name: batch, ceiling: 3 }]\n";
    assert.deepEqual(await numbers(`${three}resources: { db: { limit: 12 } }`), [
      ["critical", 12, 5, 2],
      ["normal", 10, 4, 0],
      ["batch", 3, 3, 0],
    ]);
    assert.deepEqual(await numbers(`${three}resources: { db: { limit: 12 } }`, { maxConnections: 100 }), [
      ["critical", 100, 49, 2],
      ["normal", 98, 48, 0],
      ["batch", 3, 3, 0],
    ]);
  });

  it("takes a lane's own values for the resource, and the most that an adaptive limit may be", async () => {
    const policy = await parsePolicy(
      "resources: { db: { limit: { adaptive: true, max: 30 }, lanes: { bulk: { ceiling: 2, timeout: 1500ms } } } }",
    );
    const { connections, roles } = planServer(policy, OPTIONS);
    assert.equal(connections, 30);
    assert.deepEqual([roles[4]!.connectionLimit, roles[4]!.statementTimeoutMs], [2, 1500]);
  });

  it("splits where the server cannot keep connections, and says so", async (t) => {
    const expected = [20, 15, 10, 4, 1];
    for (const options of [{ serverVersion: 15 }, { split: true }]) {
      const found = await numbers(POLICY, options);
      assert.deepEqual(
        found.map(([, limit]) => limit),
        expected,
      );
    }
    const { out } = await run(t, POLICY, "--server-version", "15");
    assert.match(out, /^-- PostgreSQL 15 cannot keep connections for a role \(16 can\)/m);
    assert.doesNotMatch(out, /^GRANT pg_use_reserved|current_setting\('reserved|ALTER SYSTEM|160000/m);
    // Nothing is kept for anybody, so nothing has to be split.
    const { split } = planServer(
      await parsePolicy("lanes: [{ name: a }, { name: b }]\nresources: { db: { limit: 4 } }"),
      {
        ...OPTIONS,
        serverVersion: 15,
      },
    );
    assert.equal(split, false);
  });

  it("splits so that every lane has a connection, none passes its ceiling, and the sum stays within the limit", () => {
    for (let limit = 4; limit <= 40; limit++)
      for (const ceilings of [
        [40, 40, 40, 40],
        [40, 3, 2, 1],
        [2, 2, 2, 2],
      ])
        for (const reservations of [
          [0, 0, 0, 0],
          [limit, 0, 0, 0],
          [1, 0, 0, limit - 1],
        ]) {
          const lanes = ceilings.map((ceiling, rank) => ({
            ceiling: Math.min(ceiling, limit),
            reservation: Math.min(reservations[rank]!, ceiling, limit),
          }));
          const seats = splitSeats(limit, lanes);
          const room = lanes.reduce((sum, { ceiling }) => sum + ceiling, 0);
          assert.equal(
            seats.reduce((sum, each) => sum + each, 0),
            Math.min(limit, room),
          );
          for (const [rank, each] of seats.entries()) assert.ok(each >= 1 && each <= lanes[rank]!.ceiling);
        }
  });

  it("gives an exempt lane no role, and says so", async (t) => {
    const { out } = await run(t, `lanes: [{ name: probes, exempt: true }, { name: normal }]\n${POLICY}`);
    assert.match(out, /^-- Lane probes is exempt: it takes no seat, and has no role\.$/m);
    assert.doesNotMatch(out, /app_probes/);
  });

  it("says where the database is looked for, and takes lanes without one when it is given a number", async (t) => {
    assert.equal(
      await refusal(t, "resources: { main-db: { limit: 50 }, threads: { limit: 4 } }"),
      "laneway postgres: laneway.yaml has 2 resources that may be the database: main-db, threads; say which with --resource\n",
    );
    assert.equal(
      await refusal(t, POLICY, "--resource", "main-bd"),
      'laneway postgres: --resource: expected a resource of laneway.yaml (main-db, http), found "main-bd"\n',
    );
    assert.match(await refusal(t, "version: 1"), /no resource without an upstream.*--max-connections/);
    const { code, out, err } = await run(t, undefined, "--max-connections", "20");
    assert.equal(code, 0);
    assert.match(
      out,
      /^-- Roles for the lanes of the default policy, resource postgres: 20 connections in all\.$/m,
    );
    assert.equal(err, "no laneway.yaml here and no --policy: these are the defaults\n");
  });

  it("refuses what the server would not take, before it is asked", async (t) => {
    assert.match(
      await refusal(t, POLICY, "--max-connections", "4"),
      /at least 5 connections, one for each lane, found 4/,
    );
    assert.match(
      await refusal(
        t,
        "resources: { db: { limit: 50, lanes: { critical: { reservation: 10 }, high: { reservation: 20 } } } }",
        "--max-connections",
        "20",
      ),
      /resource "db": lanes: expected reservations of at most the limit, 20 seats/,
    );
    assert.match(
      await refusal(t, POLICY, "--prefix", "é".repeat(30)),
      /at most 63 bytes, found "é+_critical", 69 bytes/,
    );
    assert.match(await refusal(t, POLICY, "--prefix", "pg"), /does not begin with pg_/);
    assert.match(await refusal(t, POLICY, "--prefix", "a\nb"), /without control characters/);
    assert.match(await refusal(t, POLICY, "--member-of", ""), /--member-of: expected a name/);
    for (const args of [
      ["--max-connections", "0"],
      ["--max-connections", "1e3"],
      ["--undo", "--pgbouncer"],
    ])
      await refusal(t, POLICY, ...args);
  });

  it("prints aliases whose pools add up, behind any address", async (t) => {
    const url = "postgresql://[::1]/it%27s%20a%20shop";
    const { code, out } = await run(t, POLICY, "--pgbouncer", "--database", url, "--prefix", "shop");
    assert.equal(code, 0);
    assert.deepEqual(
      out.split("\n").filter((line) => /^[^;]/.test(line)),
      [
        "[databases]",
        ...[
          ["critical", 20],
          ["high", 15],
          ["normal", 10],
          ["low", 4],
          ["bulk", 1],
        ].map(
          ([lane, size]) =>
            `shop_${lane} = host='::1' port=5432 dbname='it''s a shop' pool_size=${size} max_db_connections=${size}`,
        ),
      ],
    );
    assert.match(
      await refusal(t, POLICY, "--pgbouncer", "--prefix", 'a"b'),
      /letters, digits.*found "a\\"b_critical"/,
    );
  });

  it("refuses an address that it cannot use, and shows no password", async (t) => {
    for (const url of [
      "postgres://app:s3cr3t@db/shop",
      "app:s3cr3t@db",
      "mysql://s3cr3t/shop",
      "postgres://db/shop?password=s3cr3t",
      "postgres://db/%0As3cr3t",
      "postgres://db/%s3cr3t",
      "postgres://db",
    ]) {
      const err = await refusal(t, POLICY, "--pgbouncer", "--database", url);
      assert.match(err, /--database: expected postgres:\/\/host:port\/name/);
      assert.doesNotMatch(err, /s3cr3t/);
    }
    assert.match(await refusal(t, POLICY, "--database", "postgres://db/shop"), /needs --pgbouncer/);
  });

  it("prints the numbers and the same text as JSON", async (t) => {
    const { out } = await run(t, POLICY);
    const json = JSON.parse((await run(t, POLICY, "--json")).out) as Record<string, unknown>;
    assert.equal(json["text"], out);
    assert.equal(json["reservedConnections"], 10);
    assert.deepEqual((json["roles"] as unknown[])[4], {
      lane: "bulk",
      role: "app_bulk",
      connectionLimit: 40,
      poolSize: 1,
      reserved: 0,
      statementTimeoutMs: 300_000,
      parallel: false,
      applicationName: "laneway:bulk",
    });
  });

  it("ends with 4 for a wrong policy, 1 for one that is not there, and says what shadow mode does not change", async (t) => {
    const wrong = await run(t, "resources: { db: { limt: 4 } }");
    assert.deepEqual([wrong.code, wrong.out], [4, ""]);
    assert.match(wrong.err, /laneway\.yaml:1:\d+: /);
    const missing = await run(t, POLICY, "--policy", "gone.yaml");
    assert.deepEqual(
      [missing.code, missing.err],
      [1, "laneway postgres: cannot read gone.yaml: there is no such file\n"],
    );
    const shadow = await run(t, `enforce: false\n${POLICY}`);
    assert.deepEqual(
      [shadow.code, shadow.err],
      [0, "laneway.yaml has enforce: false; a server that is given this holds back all the same\n"],
    );
  });

  it("quotes names and values so that they stay what they are", () => {
    assert.equal(sqlName('low"; drop'), '"low""; drop"');
    assert.equal(sqlText("it's"), "'it''s'");
    assert.equal(sqlText("\\'"), "E'\\\\'''");
    assert.equal(sqlBlock("a $laneway$ b"), "DO $laneway_1$\na $laneway$ b\n$laneway_1$;");
    assert.equal(oneLine("a\r\n\u2028b"), "a???b");
    const plan = planServer(
      { ...defaultPolicy(), file: "a\nDROP TABLE b;" },
      { ...OPTIONS, maxConnections: 9 },
    );
    assert.doesNotMatch(applySql(plan), /^DROP/m);
  });
});
