import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { applyLevels } from "../../../src/adapters/process/apply.ts";
import { setDiskWeight } from "../../../src/adapters/process/disk.ts";
import { enter, isRaise, setMemory, setShare } from "../../../src/adapters/process/groups.ts";
import { lookAtHost } from "../../../src/adapters/process/host.ts";
import type { Host } from "../../../src/adapters/process/host.ts";
import { levelsOf } from "../../../src/adapters/process/levels.ts";
import { statusOf } from "./lane-status.ts";

const NOTHING = { version: 0, why: "there are none here", fix: "get some" } as const;
const POOR: Host = {
  platform: "linux",
  cpu: NOTHING,
  memory: NOTHING,
  systemd: undefined,
  autogroup: true,
};
const BULK = levelsOf({ name: "bulk" });

function sleeper(t: TestContext, detached: boolean): ChildProcess & { readonly pid: number } {
  const child = spawn("sh", ["-c", "read -r line"], { detached, stdio: ["pipe", "ignore", "ignore"] });
  t.after(async () => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  });
  return child as ChildProcess & { readonly pid: number };
}

/** Folders and files of a host that is not this one. */
async function tree(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "laneway-tree-"));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text.replaceAll("FOLDER", folder));
  }
  return folder;
}

const UNIFIED = {
  "proc/self/mountinfo": "20 1 0:5 / FOLDER/cg rw - cgroup2 cgroup2 rw\n",
  "proc/self/cgroup": "0::/user.slice/app\n",
  "cg/cgroup.controllers": "cpu memory io\n",
  "cg/user.slice/cgroup.subtree_control": "cpu\n",
  "cg/user.slice/app/cgroup.type": "domain\n",
};

test("without groups the session's nice is set, which is what counts between sessions", async (t) => {
  const child = sleeper(t, true);
  const { means, complete } = await applyLevels(child.pid, BULK, POOR, { ownSession: true, raise: false });
  const status = statusOf(child.pid);
  assert.equal(status.nice, 19);
  // A kernel without autogroup has no such file.
  if (status.autogroup !== "none") assert.equal(status.autogroup, "19");
  if (status.autogroup !== "none") assert.ok(complete);
  const group = means.find((each) => each.means === "control group")!;
  assert.deepEqual([group.applied, group.why, group.fix], [false, NOTHING.why, NOTHING.fix]);
});

test("the nice of a session that others share is left alone, and the report says what that means", async (t) => {
  const child = sleeper(t, false);
  const before = statusOf(child.pid).autogroup;
  const { means, complete } = await applyLevels(child.pid, BULK, POOR, { ownSession: false, raise: false });
  assert.equal(statusOf(child.pid).autogroup, before);
  assert.equal(complete, false);
  const session = means.find((each) => each.means === "autogroup")!;
  assert.match(session.why!, /shares its session with others/);
});

test("elsewhere than on Linux the nice is set, and one line says what is not held", async (t) => {
  const child = sleeper(t, true);
  const host: Host = { ...POOR, platform: "darwin", autogroup: false };
  const { means } = await applyLevels(child.pid, BULK, host, { ownSession: true, raise: false });
  assert.equal(statusOf(child.pid).nice, 19);
  assert.deepEqual(
    means.map((each) => each.means),
    ["nice"],
  );
  assert.match(means[0]!.why!, /^darwin has neither control groups nor oom_score_adj/);
});

test("with cgroup v2 the lane's group is made beside the one that this process is in", async (t) => {
  const folder = await tree(t, UNIFIED);
  const { cpu } = lookAtHost({ proc: join(folder, "proc"), platform: "linux" });
  assert.ok(cpu.version === 2);
  assert.equal(cpu.base, join(folder, "cg/user.slice"));
  const low = levelsOf({ name: "low", memory: { highBytes: 1024 } });
  await enter(cpu, "cpu", "low", 4711, () => setShare(cpu, low));
  const group = join(cpu.base, "laneway-low");
  assert.equal(await readFile(join(group, "cpu.weight"), "utf8"), "25");
  assert.equal(await readFile(join(group, "run-4711/cgroup.procs"), "utf8"), "4711");
  assert.deepEqual(setMemory(cpu, low), [
    {
      what: "memory",
      means: "memory.high",
      value: "1024",
      applied: true,
      where: join(group, "memory.high"),
    },
  ]);
  // The controller of memory is not handed down by that folder yet.
  await enter(cpu, "memory", "low", 4711, () => undefined);
  assert.equal(await readFile(join(cpu.base, "cgroup.subtree_control"), "utf8"), "+memory");
});

test("the disk has the share of the processor where the kernel weighs I/O by groups, and else the report says so", async (t) => {
  const folder = await tree(t, { ...UNIFIED, "cg/user.slice/laneway-low/io.bfq.weight": "default 100\n" });
  const { cpu } = lookAtHost({ proc: join(folder, "proc"), platform: "linux" });
  assert.ok(cpu.version === 2);
  const low = levelsOf({ name: "low" });
  const group = join(cpu.base, "laneway-low");
  assert.deepEqual(setDiskWeight(cpu, low), {
    what: "io",
    means: "io.bfq.weight",
    value: "25 beside others' 100",
    applied: true,
    where: join(group, "io.bfq.weight"),
  });
  assert.equal(await readFile(join(group, "io.bfq.weight"), "utf8"), "default 25");
  assert.equal(await readFile(join(cpu.base, "cgroup.subtree_control"), "utf8"), "+io");
  const none = setDiskWeight(cpu, BULK)!;
  assert.deepEqual([none.applied, none.covered], [false, true]);
  assert.match(none.why!, /weighs no I\/O by groups/);
  assert.equal(setDiskWeight(cpu, levelsOf({ name: "normal" })), undefined);
});

test("cgroup v1 has no memory.high: the soft limit is set instead, and both it and memory.low count as missing", async (t) => {
  const folder = await tree(t, { "laneway-low/memory.soft_limit_in_bytes": "" });
  const single = { version: 1, base: folder, outer: undefined } as const;
  const found = setMemory(
    single,
    levelsOf({ name: "low", memory: { highBytes: 4096, lowBytes: 1, maxBytes: 8192 } }),
  );
  assert.deepEqual(
    found.map(({ means, applied }) => [means, applied]),
    [
      ["memory.high", false],
      ["memory.low", false],
      ["memory.max", true],
    ],
  );
  assert.match(found[0]!.why!, /its soft limit is set instead/);
  assert.equal(await readFile(join(folder, "laneway-low/memory.soft_limit_in_bytes"), "utf8"), "4096");
  assert.equal(await readFile(join(folder, "laneway-low/memory.limit_in_bytes"), "utf8"), "8192");
});

test("a lane inside a lane is made beside it, and is a raise only when it is above it", async (t) => {
  const folder = await tree(t, {
    ...UNIFIED,
    "proc/self/cgroup": "0::/user.slice/laneway-low/run-12\n",
    "cg/user.slice/laneway-low/cpu.weight": "25\n",
    "cg/user.slice/laneway-low/cpu.idle": "0\n",
  });
  const { cpu } = lookAtHost({ proc: join(folder, "proc"), platform: "linux" });
  assert.ok(cpu.version === 2);
  assert.equal(cpu.base, join(folder, "cg/user.slice"));
  assert.equal(isRaise(cpu, levelsOf({ name: "low" })), false);
  assert.equal(isRaise(cpu, BULK), false);
  assert.equal(isRaise(cpu, levelsOf({ name: "normal" })), true);
  await writeFile(join(folder, "cg/user.slice/laneway-low/cpu.idle"), "1\n");
  assert.equal(isRaise(cpu, levelsOf({ name: "low" })), true);
});

test("the processes of a container in its root group cannot be given groups, and that is said", async (t) => {
  const folder = await tree(t, {
    ...UNIFIED,
    "proc/self/cgroup": "0::/\n",
    "cg/cgroup.type": "domain\n",
  });
  const { cpu } = lookAtHost({ proc: join(folder, "proc"), platform: "linux" });
  assert.ok(cpu.version === 0);
  assert.match(cpu.why, /the processes of this container are in its root group/);
});

test("a process that has ended is reported, and leaves nothing behind", async () => {
  const child = spawn("true");
  await once(child, "exit");
  const host = lookAtHost();
  const { complete } = await applyLevels(child.pid!, BULK, host, { ownSession: true, raise: false });
  assert.equal(complete, false);
  if (host.cpu.version !== 0) assert.ok(!existsSync(`${host.cpu.base}/laneway-bulk/run-${child.pid}`));
});
