import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod } from "node:fs/promises";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { needsHost, needsProgram } from "../needs.ts";
import { folderWith } from "./command.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
const SHOW =
  "nice; cat /proc/self/oom_score_adj; [ ! -e /proc/self/autogroup ] || sed 's/.*nice //' /proc/self/autogroup";

interface Means {
  readonly means: string;
  readonly applied: boolean;
  readonly why?: string;
  readonly fix?: string;
}

/** `laneway run` by a user without any right; undefined where this test cannot become one. */
async function asNobody(
  t: TestContext,
  args: readonly string[],
  policy?: string,
): Promise<Ended | undefined> {
  if (!needsProgram(t, "setpriv", "apt-get install util-linux")) return undefined;
  const program = [...NOBODY, process.execPath, MAIN];
  const [command = "", ...first] = program;
  const cwd = await folderWith(t, policy === undefined ? {} : { "laneway.yaml": policy });
  await chmod(cwd, 0o755);
  // Node hands the folder for coverage on unless it is told not to, and this user may not write there.
  const env = { PATH: process.env["PATH"], TMPDIR: "/tmp", NODE_V8_COVERAGE: "" };
  const options = { cwd, encoding: "utf8", env } as const;
  const able = spawnSync(command, [...first, "--version"], options).status === 0;
  if (!needsHost(t, able, "only root can become another user, who must be able to read this clone"))
    return undefined;
  const { status, stdout, stderr } = spawnSync(command, [...first, "run", ...args], options);
  return { code: status, out: stdout, err: stderr };
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

test("without any right a command is lowered all the same, and the report says why it has no group", async (t) => {
  const ended = await asNobody(t, ["--lane", "bulk", "--explain", "--json", "--", "sh", "-c", SHOW]);
  if (ended === undefined) return;
  // One line; what lies behind it would be the command's own words.
  const [report = "", ...others] = ended.err.split("\n");
  assert.deepEqual([ended.code, others], [0, [""]]);
  const { means, complete } = JSON.parse(report) as { means: readonly Means[]; complete: boolean };
  const [nice, oom, session = "19"] = ended.out.trim().split("\n");
  assert.deepEqual([nice, oom, session], ["19", "800", "19"]);
  const group = means.find((each) => each.means === "control group")!;
  if (group.applied) return;
  assert.match(group.why!, /this user may not|no control groups|does not hand/);
  assert.ok(group.fix !== undefined);
  assert.equal(complete, true);
});

test("what takes a right is not done without it: the report names it, and --strict starts nothing", async (t) => {
  const policy = "lanes: [{ name: top, cpu: { nice: -5 }, memory: { oomScoreAdj: -500 } }]\n";
  const strict = await asNobody(t, ["--lane", "top", "--strict", "--", "echo", "begun"], policy);
  if (strict === undefined) return;
  assert.deepEqual([strict.code, strict.out], [1, ""]);
  assert.match(
    strict.err,
    /nice +-5\n +because this user may not \(EACCES\)\n +fix: run it as root, or give it/,
  );
  assert.match(strict.err, /oom_score_adj +-500\n +because this user may not \(EACCES\)/);
  const lenient = await asNobody(t, ["--lane", "top", "--", "sh", "-c", SHOW], policy);
  assert.deepEqual([lenient!.code, lenient!.out.split("\n").slice(0, 2)], [0, ["0", "0"]]);
  assert.match(lenient!.err, /^laneway run: lane top is not fully enforced here: cpu .*\(nice\), memory/);
});

test("a command that this user may not execute is 126", async (t) => {
  const ended = await asNobody(t, ["--lane", "bulk", "--", "/etc/shadow"]);
  if (ended !== undefined) assert.deepEqual([ended.code, ended.out], [126, ""]);
});
