import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { hostFindings } from "../../src/cli/doctor/host-checks.ts";
import { policyFindings } from "../../src/cli/doctor/policy-checks.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { folderWith, laneway } from "./command.ts";

/** The files of a host that is not this one. */
async function host(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "laneway-host-"));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text.replaceAll("FOLDER", folder));
  }
  return folder;
}

const NO_GROUPS = {
  "proc/self/mountinfo": "20 1 0:5 / /proc rw - proc proc rw\n",
  "proc/self/cgroup": "0::/\n",
  "proc/self/status": "CapEff:\t0000000000000000\n",
  "proc/sys/kernel/sched_autogroup_enabled": "1\n",
};

const UNIFIED = {
  "proc/self/mountinfo": "20 1 0:5 / FOLDER/cg rw - cgroup2 cgroup2 rw\n",
  "proc/self/cgroup": "0::/user.slice/app\n",
  "proc/self/status": "CapEff:\t0000000001800000\n",
  "proc/sys/kernel/sched_autogroup_enabled": "0\n",
  "proc/pressure/memory": "",
  "cg/cgroup.controllers": "cpu memory io\n",
  "cg/cgroup.subtree_control": "cpu memory\n",
  "cg/user.slice/cgroup.subtree_control": "cpu memory\n",
  "cg/user.slice/app/cgroup.type": "domain\n",
};

test("every line of the doctor on this host says what was found, and what is not there has a fix", async () => {
  const { code, out } = await laneway(["doctor", "--json"], { cwd: tmpdir() });
  assert.equal(code, 0);
  const { host: found } = JSON.parse(out) as { host: { state: string; found: string; fix?: string }[] };
  assert.ok(found.length >= 3);
  for (const finding of found) {
    assert.ok(finding.found.length > 0);
    if (finding.state !== "yes") assert.ok(finding.fix !== undefined, finding.found);
  }
});

test("a policy that asks for what the host cannot do ends with 1 and names lane, field and fix", async (t) => {
  const folder = await host(t, NO_GROUPS);
  const policy = await parsePolicy(
    "lanes: [{ name: critical, cpu: { nice: -5, weight: 800 }, memory: { low: 1GiB, oomScoreAdj: -500 } }, { name: bulk }]",
  );
  const findings = policyFindings(policy, { proc: join(folder, "proc"), platform: "linux" });
  assert.deepEqual(
    findings.map(({ topic }) => topic),
    [
      "lane critical, cpu.weight: 800",
      "lane critical, cpu.nice: -5",
      "lane critical, memory.low",
      "lane critical, memory.oomScoreAdj: -500",
    ],
  );
  for (const { fix, state } of findings) assert.ok(fix !== undefined && state === "problem");
});

test("a host with cgroup v2 and the rights is asked for nothing in vain", async (t) => {
  const folder = await host(t, UNIFIED);
  const files = { proc: join(folder, "proc"), platform: "linux" } as const;
  const policy = await parsePolicy(
    "lanes: [{ name: critical, cpu: { nice: -5, weight: 800 }, memory: { low: 1GiB, high: 2GiB, max: 3GiB, oomScoreAdj: -500 } }]",
  );
  assert.deepEqual(policyFindings(policy, files), []);
  const findings = hostFindings(files);
  assert.ok(findings.every(({ state }) => state === "yes"));
  assert.ok(findings[0]!.found.endsWith("/cg/user.slice"));
});

test("autogroup without control groups is said with what it does to nice", async (t) => {
  const folder = await host(t, NO_GROUPS);
  const findings = hostFindings({ proc: join(folder, "proc"), platform: "linux" });
  const nice = findings.find(({ topic }) => topic === "nice between sessions")!;
  assert.equal(nice.state, "partly");
  assert.match(nice.found, /plain nice counts for nothing between sessions/);
});

test("elsewhere than on Linux nice is all there is, and that is said", () => {
  const findings = hostFindings({ proc: "/nowhere", platform: "darwin" });
  assert.match(findings[0]!.found, /^darwin: nice is all there is$/);
});

test("a policy that is wrong ends with 4, one that cannot be read with 1", async (t) => {
  const folder = await folderWith(t, { "laneway.yaml": "lanes: 1\n" });
  assert.equal((await laneway(["doctor"], { cwd: folder })).code, 4);
  assert.equal((await laneway(["doctor", "-p", "missing.yaml"], { cwd: folder })).code, 1);
});

test("what the policy asks for in vain is listed, and then the command ends with 1", async (t) => {
  const folder = await folderWith(t, {
    "laneway.yaml": "lanes: [{ name: top, memory: { high: 1GiB, oomScoreAdj: -1000 } }]\n",
  });
  const { code, out } = await laneway(["doctor", "--json"], { cwd: folder });
  const { problems } = JSON.parse(out) as { problems: unknown[] };
  // Only a host with cgroup v2 and all rights has nothing to object.
  assert.equal(code, problems.length === 0 ? 0 : 1);
  assert.equal((await laneway(["doctor"], { cwd: folder })).code, code);
});
