/** Runs in a guest with cgroup v2 and one processor: see cgroup2.ts. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
const GROUPS = "/sys/fs/cgroup";
/** A shell's time is its first fields after the name: user 14, system 15. */
const SPENT = "read -r line < /proc/$$/stat; echo $line";
const WORK = `i=0; while [ $i -lt 600000 ]; do i=$((i+1)); done; ${SPENT}`;

interface Means {
  readonly means: string;
  readonly applied: boolean;
  readonly where?: string;
  readonly why?: string;
}

function lane(name: string, command: readonly string[], more: readonly string[] = []): string[] {
  return [process.execPath, MAIN, "run", "--lane", name, ...more, "--", ...command];
}

function ticks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** A command without an end, in a session of its own; the id of the process that is busy. */
async function busy(t: TestContext, words: readonly string[]): Promise<number> {
  const child = spawn(words[0]!, words.slice(1), { detached: true, stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const pid = Number(String(line));
  t.after(async () => {
    const ended = once(child, "exit");
    process.kill(pid, "SIGKILL");
    await ended;
  });
  return pid;
}

/** How much of the processor the first got for each part that the second did. */
async function ratio(t: TestContext, first: readonly string[], second: readonly string[]): Promise<number> {
  const pid = await busy(t, [...second, "sh", "-c", "echo $$; while :; do :; done"]);
  const stat = (): number => ticks(readFileSync(`/proc/${pid}/stat`, "utf8"));
  const before = stat();
  const { stdout } = spawnSync(first[0]!, [...first.slice(1), "sh", "-c", WORK], { encoding: "utf8" });
  return ticks(stdout) / Math.max(1, stat() - before);
}

function laneGroups(): string[] {
  return readdirSync(GROUPS).filter((name) => name.startsWith("laneway"));
}

test("normal beside bulk, from two sessions, has nearly all of the processor", async (t) => {
  const shares = await ratio(t, lane("normal", []), lane("bulk", []));
  t.diagnostic(`normal : bulk = ${shares.toFixed(1)} : 1`);
  assert.ok(shares >= 5, String(shares));
});

test("without lanes two programs share it", async (t) => {
  const shares = await ratio(t, ["env"], ["env"]);
  t.diagnostic(`first : second = ${shares.toFixed(1)} : 1`);
  assert.ok(shares < 2, String(shares));
});

test("bulk's group is idle, low's has a quarter of the usual weight, and both are gone when their commands are", () => {
  const show = (name: string, file: string): string =>
    spawnSync(process.execPath, lane(name, ["cat", `${GROUPS}/laneway-${name}/${file}`]).slice(1), {
      encoding: "utf8",
    }).stdout;
  assert.equal(show("bulk", "cpu.idle"), "1\n");
  assert.equal(show("low", "cpu.weight"), "25\n");
  assert.deepEqual(laneGroups(), []);
});

test("the disk's weight is set where the kernel has one, and else the report says that it has none", () => {
  const { stderr } = spawnSync(process.execPath, lane("bulk", ["true"], ["--explain", "--json"]).slice(1), {
    encoding: "utf8",
  });
  const { means, complete } = JSON.parse(stderr) as { means: Means[]; complete: boolean };
  const weight = means.find((each) => each.means.startsWith("io."))!;
  assert.ok(complete);
  assert.ok(weight.applied || /weighs no I\/O/.test(weight.why!), JSON.stringify(weight));
});

test("memory.high, memory.low and memory.max are the policy's, and hold", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "laneway-guest-"));
  writeFileSync(
    join(folder, "laneway.yaml"),
    `lanes:
  - { name: normal }
  - { name: report, memory: { high: 64MiB, low: 32MiB, max: 96MiB } }
  - { name: small, memory: { max: 64MiB } }
`,
  );
  const group = `${GROUPS}/laneway-report`;
  const files = ["high", "low", "max"].map((name) => `${group}/memory.${name}`);
  // What it reads is more than it may keep.
  const script = `cat ${files.join(" ")}; cat ${process.execPath} > /dev/null; cat ${group}/memory.events`;
  const run = (name: string, command: readonly string[]): { status: number | null; stdout: string } =>
    spawnSync(process.execPath, lane(name, command).slice(1), { cwd: folder, encoding: "utf8" });
  const { stdout, status } = run("report", ["sh", "-c", script]);
  assert.equal(status, 0);
  assert.deepEqual(stdout.split("\n").slice(0, 3), ["67108864", "33554432", "100663296"]);
  const slowed = Number(/^high (\d+)$/m.exec(stdout)?.[1]);
  t.diagnostic(`held at memory.high ${slowed} times`);
  assert.ok(slowed > 0);
  assert.equal(run("small", [process.execPath, "-e", "Buffer.alloc(128 * 1024 * 1024, 1)"]).status, 137);
  assert.deepEqual(laneGroups(), []);
});

test("the groups of a laneway run that was killed are gone when its command is", async () => {
  const words = lane("bulk", ["sh", "-c", "echo $$; exec sleep 600"]);
  const run = spawn(words[0]!, words.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  const pid = Number(String(((await once(run.stdout, "data")) as [Buffer])[0]));
  run.kill("SIGKILL");
  await once(run, "exit");
  assert.deepEqual(laneGroups(), ["laneway-bulk"]);
  process.kill(pid, "SIGKILL");
  const gone = `while [ -d ${GROUPS}/laneway-bulk ]; do sleep 0.1; done`;
  assert.equal(spawnSync("sh", ["-c", gone], { timeout: 20_000 }).status, 0);
});

test("a user without rights to whom a group is delegated has lanes in it", async (t) => {
  const base = `${GROUPS}/delegated`;
  writeFileSync(`${GROUPS}/cgroup.subtree_control`, "+cpu +memory");
  for (const folder of [base, `${base}/app`]) {
    mkdirSync(folder);
    chownSync(folder, 65534, 65534);
    for (const file of ["cgroup.procs", "cgroup.subtree_control"])
      chownSync(`${folder}/${file}`, 65534, 65534);
  }
  const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
  const words = [
    ...nobody,
    ...lane("bulk", [
      "sh",
      "-c",
      "cat /proc/self/cgroup; cat /sys/fs/cgroup/delegated/laneway-bulk/cpu.idle",
    ]),
  ];
  const enter = ["sh", "-c", `echo $$ > ${base}/app/cgroup.procs && exec "$@"`, "sh"];
  const { stdout, stderr, status } = spawnSync(enter[0]!, [...enter.slice(1), ...words], {
    cwd: "/",
    encoding: "utf8",
  });
  t.diagnostic(stderr);
  assert.equal(status, 0);
  assert.match(stdout, /^0::\/delegated\/laneway-bulk\/run-\d+\n1\n$/);
  assert.deepEqual(
    readdirSync(base).filter((name) => name.startsWith("laneway")),
    [],
  );
});
