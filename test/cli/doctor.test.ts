import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { DoctorOptions } from "../../src/cli/doctor.ts";
import { folderWith, laneway } from "./command.ts";

const COMMAND = fileURLToPath(new URL("../../src/cli/doctor.ts", import.meta.url));

interface Told {
  readonly file: string | null;
  readonly problems: readonly { topic: string }[];
  readonly host: readonly { group: string; topic: string; state: string; found: string; fix?: string }[];
  readonly lanes: readonly object[];
}

test("on this machine every finding says what was found, and what is not there has a fix", async () => {
  const { code, out } = await laneway(["doctor", "--json"], { cwd: tmpdir(), env: { DATABASE_URL: "" } });
  assert.equal(code, 0);
  const { file, host, problems } = JSON.parse(out) as Told;
  assert.deepEqual([file, problems], [null, []]);
  assert.ok(host.length >= 3);
  for (const finding of host) {
    assert.ok(finding.found.length > 0);
    if (finding.state !== "yes") assert.ok(finding.fix !== undefined, finding.found);
  }
});

test("the report fits a screen: each resource once, one line where all is well", async () => {
  const { code, out, err } = await laneway(["doctor"], { cwd: tmpdir(), env: { DATABASE_URL: "" } });
  assert.deepEqual([code, err], [0, ""]);
  const lines = out.trimEnd().split("\n");
  // A path is not broken.
  for (const line of lines) assert.ok(line.length <= 80 || /^\s+\S+$/.test(line), line);
  for (const group of ["processor", "memory", "disk", "network", "database", "Node"])
    assert.equal(lines.filter((line) => line.startsWith(`${group} `)).length, 1, group);
  assert.equal(
    lines.filter((line) => line.startsWith("Node       yes      Node's version, open files")).length,
    1,
  );
  assert.ok(!out.includes("CAP_"), "what most hosts lack is not shown");
  assert.equal(lines.at(-1), "No policy here: nothing is asked for.");
});

test("a policy that is wrong ends with 4, one that cannot be read with 1", async (t) => {
  const folder = await folderWith(t, { "laneway.yaml": "lanes: 1\n" });
  assert.equal((await laneway(["doctor"], { cwd: folder })).code, 4);
  assert.equal((await laneway(["doctor", "-p", "missing.yaml"], { cwd: folder })).code, 1);
});

test("what the policy asks for in vain is listed, and then the command ends with 1", async (t) => {
  const folder = await folderWith(t, {
    "laneway.yaml": "lanes: [{ name: top, memory: { low: 4000GiB, oomScoreAdj: -1000 } }]\n",
  });
  const { code, out } = await laneway(["doctor", "--json"], { cwd: folder });
  const { problems } = JSON.parse(out) as Told;
  // No machine can spare more memory than it has.
  assert.ok(problems.length > 0);
  assert.equal(code, 1);
  const text = await laneway(["doctor"], { cwd: folder });
  assert.equal(text.code, 1);
  assert.match(text.out, /PROBLEM {2}memory\.low of all lanes: 3\.9 TiB/);
});

/** The command with these options, in a process of its own: it writes to stdout. */
function doctor(options: DoctorOptions, cwd: string): { code: number | null; out: string; err: string } {
  const script = `const { doctorCommand } = await import(process.argv[1]);
    process.exitCode = await doctorCommand(JSON.parse(process.argv[2]));`;
  const args = ["--input-type=module", "-e", script, "--", COMMAND, JSON.stringify(options)];
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, DATABASE_URL: undefined };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, env, encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

test("--all shows what is well and what most hosts lack, too", () => {
  const { code, out } = doctor({ all: true }, tmpdir());
  assert.equal(code, 0);
  for (const topic of ["CAP_NET_ADMIN", "oom_score_adj", "pressure (PSI)", "marks over TLS", "open files"])
    assert.ok(out.includes(topic), topic);
});

test("a database that was named and cannot be asked is a problem; its password is nowhere", async (t) => {
  const folder = await folderWith(t, { "laneway.yaml": "resources: { main-db: { limit: 10 } }\n" });
  const { code, out, err } = doctor({ database: "postgres://u:s3cret@127.0.0.1:1/x" }, folder);
  assert.equal(code, 1);
  assert.match(out, /PROBLEM {2}the server: connect ECONNREFUSED 127\.0\.0\.1:1/);
  assert.ok(!`${out}${err}`.includes("s3cret"));
});

test("options that make no sense end with 2, say what was expected, and show no password", async (t) => {
  const folder = await folderWith(t, { "laneway.yaml": "resources: { main-db: { limit: 10 } }\n" });
  const database = doctor({ database: "mysql://u:s3cret@127.0.0.1/x" }, folder);
  assert.deepEqual([database.code, database.out], [2, ""]);
  assert.match(database.err, /^laneway doctor: --database: expected postgres:/);
  assert.ok(!database.err.includes("s3cret"));
  const resource = doctor({ resource: "maindb" }, folder);
  assert.deepEqual([resource.code, resource.out], [2, ""]);
  assert.match(resource.err, /expected a resource of laneway\.yaml \(main-db\), found "maindb"/);
});

test("a DATABASE_URL of another database is no fault, and is not shown", async () => {
  const env = { DATABASE_URL: "mysql://u:s3cret@127.0.0.1/x" };
  const { code, out, err } = await laneway(["doctor", "--json"], { cwd: tmpdir(), env });
  assert.equal(code, 0);
  assert.match(out, /DATABASE_URL is not that of a PostgreSQL/);
  assert.ok(!`${out}${err}`.includes("s3cret"));
});
