/** A PostgreSQL against the policy. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "pg";
import { askServer, serverFindings } from "../../../src/cli/doctor/database.ts";
import type { ServerFacts } from "../../../src/cli/doctor/database.ts";
import type { Finding } from "../../../src/cli/doctor/finding.ts";
import { parsePolicy } from "../../../src/policy/policy.ts";
import { databaseFor } from "../../databases/server.ts";
import { folderWith, laneway } from "../command.ts";
import { ROOT } from "../../house/source.ts";

const FACTS: ServerFacts = {
  place: "127.0.0.1:5432",
  version: "18.4",
  maxConnections: 100,
  superuserReserved: 3,
  reserved: 0,
  bound: undefined,
};

async function judged(
  policy: string,
  facts: Partial<ServerFacts> = {},
  resource?: string,
): Promise<(topic: string) => Finding> {
  const findings = serverFindings(await parsePolicy(policy), { facts: { ...FACTS, ...facts } }, resource);
  return (topic) => {
    const found = findings.find((finding) => finding.topic.startsWith(topic));
    assert.ok(found !== undefined, `${topic} is none of ${findings.map((each) => each.topic).join(" | ")}`);
    return found;
  };
}

test("a limit beyond the server's connections, less those it reserves, is a problem", async () => {
  const fits = (await judged("resources: { main-db: { limit: 97 } }"))("connections for main-db");
  assert.deepEqual([fits.state, fits.found], ["yes", "it takes up to 97 of 97: room for 1 process"]);
  const over = (await judged("resources: { main-db: { limit: 98 } }"))("connections for main-db");
  assert.equal(over.state, "problem");
  assert.equal(over.found, "it may take 98, and the server gives 97");
  const reserved = (await judged("resources: { main-db: { limit: 94 } }", { reserved: 4 }))(
    "connections for main-db",
  );
  assert.equal(reserved.why, "max_connections 100, less 7 reserved");
});

test("a connection limit of the user or the database counts where it is the smaller one", async () => {
  const of = await judged("resources: { main-db: { limit: 20 } }", { bound: 10 });
  assert.equal(of("connections for").state, "problem");
  assert.equal(of("connections for").why, "this user, or this database, has a connection limit of 10");
});

test("a limit that is learned counts with its most", async () => {
  const of = await judged("resources: { main-db: { limit: { adaptive: true, max: 200 } } }");
  assert.equal(of("connections for").state, "problem");
});

test("of several resources that may be the database none is accused, until one is named", async () => {
  const policy =
    "resources: { main-db: { limit: 200 }, nightly: { limit: 2 }, api: { upstream: http://127.0.0.1:1, limit: 900 } }";
  const all = await judged(policy);
  assert.equal(all("connections for main-db").state, "partly");
  assert.match(all("connections for main-db").fix!, /--resource main-db/);
  assert.equal(all("connections for nightly").found, "it takes up to 2 of 97: room for 48 processes");
  assert.throws(() => all("connections for api"));
  assert.equal((await judged(policy, {}, "main-db"))("connections for main-db").state, "problem");
});

test("floors of the policy are kept by the server from version 16 on, when it is told to", async () => {
  const policy =
    "lanes: [{ name: critical, reservation: 10, lendable: 0 }, { name: normal }]\nresources: { main-db: { limit: 50 } }";
  const idle = (await judged(policy))("connections kept for lanes");
  assert.equal(idle.state, "partly");
  assert.match(idle.found, /^reserved_connections is 0, the policy's floors come to 10$/);
  assert.equal((await judged(policy, { reserved: 10 }))("connections kept for lanes").state, "yes");
  const old = await judged(policy, { version: "15.9", reserved: undefined });
  assert.equal(old("PostgreSQL's version").state, "partly");
  assert.throws(() => old("connections kept for lanes"));
});

test("a real server", async (t) => {
  const database = await databaseFor(t, {
    own: true,
    settings: { max_connections: 20, reserved_connections: 2 },
  });
  if (database === undefined) return;
  const { connectionString } = database;
  const limited = new URL(connectionString);
  limited.username = "limited";
  limited.password = "s3cret word";

  await t.test("tells what it has, for a superuser and for a user with a limit", async () => {
    const { major, ...facts } = await factsFrom(connectionString);
    assert.ok(major >= 16);
    assert.deepEqual(facts, {
      place: `${database.host}:${database.port}`,
      maxConnections: 20,
      superuserReserved: 3,
      reserved: 2,
      bound: undefined,
    });
    const client = new Client({ connectionString });
    await client.connect();
    try {
      // Which a superuser is not held to.
      await client.query("alter role postgres connection limit 1");
      await client.query("create role limited login password 's3cret word' connection limit 3");
    } finally {
      await client.end();
    }
    assert.equal((await factsFrom(limited.href)).bound, 3);
    assert.equal((await factsFrom(connectionString)).bound, undefined);
  });

  await t.test("is found too small by the command, by DATABASE_URL, with exit code 1", async (inner) => {
    const cwd = await folderWith(inner, { "laneway.yaml": "resources: { main-db: { limit: 16 } }\n" });
    const text = await laneway(["doctor"], { cwd, env: { DATABASE_URL: connectionString } });
    assert.deepEqual([text.code, text.err], [1, ""]);
    assert.match(text.out, /PROBLEM {2}connections for main-db: it may take 16, and the server\s+gives 15;/);
    const { code, out } = await laneway(["doctor", "--json"], { cwd, env: { DATABASE_URL: limited.href } });
    assert.equal(code, 1);
    const { problems } = JSON.parse(out) as { problems: Finding[] };
    assert.deepEqual(
      problems.map(({ topic, found }) => `${topic}: ${found}`),
      ["connections for main-db: it may take 16, and the server gives 3"],
    );
    assert.ok(!/s3cret/.test(out));
  });

  await t.test("that refuses the password is said without it", async () => {
    const url = new URL(connectionString);
    url.password = "s3cret%2Fpass";
    const asked = await askServer(url.href, ROOT);
    assert.ok("failed" in asked);
    assert.match(asked.failed, /password authentication failed/);
    assert.ok(!/s3cret/.test(JSON.stringify(asked)));
  });
});

async function factsFrom(url: string): Promise<Omit<ServerFacts, "version"> & { major: number }> {
  const asked = await askServer(url, ROOT);
  assert.ok("facts" in asked, JSON.stringify(asked));
  const { version, ...facts } = asked.facts;
  return { ...facts, major: Number.parseInt(version, 10) };
}

test("a server that is not there, and a URL that is none, are told with a reason and without the password", async () => {
  for (const url of ["postgres://u:s3cret@127.0.0.1:1/x", "postgres://u:s3cret@[/x"]) {
    const asked = await askServer(url, ROOT);
    assert.ok("failed" in asked && asked.failed.length > 0);
    assert.ok(!JSON.stringify(asked).includes("s3cret"), JSON.stringify(asked));
    const [finding] = serverFindings(await parsePolicy(""), asked);
    assert.equal(finding!.state, "no");
  }
});
