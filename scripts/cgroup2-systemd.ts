/** Runs in a guest under a real systemd: see cgroup2.ts. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
const SLICE = "/sys/fs/cgroup/laneway_bulk.slice";

interface Means {
  readonly means: string;
  readonly applied: boolean;
  readonly where?: string;
}

function run(args: readonly string[], cwd = "/"): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, "run", ...args], { cwd, encoding: "utf8" });
}

function scopes(): string[] {
  return readdirSync(SLICE).filter((name) => name.endsWith(".scope"));
}

test("a command of a low lane is in a scope of the lane's slice, at the top and idle", () => {
  const script = `cat /proc/self/cgroup ${SLICE}/cpu.idle; nice; echo $LANEWAY_LANE`;
  const { stdout, stderr, status } = run(["--lane", "bulk", "--explain", "--json", "--", "sh", "-c", script]);
  assert.equal(status, 0);
  assert.match(stdout, /^0::\/laneway_bulk\.slice\/run-\w+\.scope\n1\n19\nbulk\n$/);
  const { means, complete } = JSON.parse(stderr) as { means: Means[]; complete: boolean };
  const group = means.find((each) => each.means === "control group")!;
  assert.deepEqual([group.applied, group.where], [true, `${SLICE} (systemd)`]);
  assert.ok(complete, stderr);
});

test("the exit code and signals pass, and the scope goes with the command", () => {
  assert.equal(run(["--lane", "bulk", "--", "sh", "-c", "exit 7"]).status, 7);
  assert.equal(run(["--lane", "bulk", "--", "sh", "-c", "kill -TERM $$"]).status, 143);
});

test("the policy's limits of memory are the slice's, and go when the policy has none", () => {
  const folder = mkdtempSync(join(tmpdir(), "laneway-guest-"));
  const limits = "memory: { high: 256MiB, max: 512MiB }";
  writeFileSync(join(folder, "laneway.yaml"), `lanes: [{ name: normal }, { name: bulk, ${limits} }]\n`);
  const show = ["--lane", "bulk", "--strict", "--", "cat", `${SLICE}/memory.high`, `${SLICE}/memory.max`];
  const found = run(show, folder);
  assert.deepEqual([found.stdout, found.stderr], ["268435456\n536870912\n", ""]);
  assert.equal(run(show).stdout, "max\nmax\n");
});

test("a lane inside a lower one stays there", () => {
  const inner = [process.execPath, MAIN, "run", "--lane", "normal", "--", "cat", "/proc/self/cgroup"];
  assert.match(run(["--lane", "bulk", "--", ...inner]).stdout, /^0::\/laneway_bulk\.slice\//);
});

test("laneway run that is killed leaves the command in its scope, which ends with it", async () => {
  const child = spawn(
    process.execPath,
    [MAIN, "run", "--lane", "bulk", "--", "sh", "-c", "echo $$; exec sleep 600"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const pid = Number(String(((await once(child.stdout, "data")) as [Buffer])[0]));
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.match(readFileSync(`/proc/${pid}/cgroup`, "utf8"), /laneway_bulk\.slice\/run-/);
  const own = /\/(run-[^/]+\.scope)/.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))![1]!;
  process.kill(pid, "SIGKILL");
  // It answers when systemd has seen the group to be empty.
  spawnSync("systemctl", ["stop", own]);
  assert.ok(!scopes().includes(own));
});

test("normal, outside of the slice, has nearly all of the processor beside bulk", async (t) => {
  const spin = "echo $$; while :; do :; done";
  const bulk = spawn(process.execPath, [MAIN, "run", "--lane", "bulk", "--", "sh", "-c", spin], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pid = Number(String(((await once(bulk.stdout, "data")) as [Buffer])[0]));
  const ticks = (stat: string): number => {
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  const spent = (): number => ticks(readFileSync(`/proc/${pid}/stat`, "utf8"));
  const before = spent();
  const work = "i=0; while [ $i -lt 600000 ]; do i=$((i+1)); done; read -r line < /proc/$$/stat; echo $line";
  const { stdout } = run(["--lane", "normal", "--", "sh", "-c", work]);
  const shares = ticks(stdout) / Math.max(1, spent() - before);
  process.kill(pid, "SIGKILL");
  await once(bulk, "exit");
  t.diagnostic(`normal : bulk = ${shares.toFixed(1)} : 1`);
  assert.ok(shares >= 5, String(shares));
});
