import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setLane, spawnInLane } from "../../../src/adapters/process.ts";
import { lookAtHost } from "../../../src/adapters/process/host.ts";
import { runInLane } from "../../../src/node/context.ts";
import { defaultPolicy, parsePolicy } from "../../../src/policy/policy.ts";
import { statusOf } from "./lane-status.ts";

const WAITS = ["-c", "read -r line; exit 7"] as const;

/** Ends the child with the test, however that ends. */
function endedWith<Child extends ChildProcess>(t: TestContext, child: Child): Child {
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  });
  return child;
}

/** The test needs groups that this user may make; elsewhere the report has to say why there are none. */
function hasGroups(): boolean {
  return lookAtHost().cpu.version !== 0;
}

test("a command in a low lane has its nice, its oom_score_adj and its group before it begins", async (t) => {
  const child = endedWith(t, spawnInLane("sh", WAITS, { lane: "bulk", detached: true }));
  const { means, lane } = await child.report;
  assert.equal(lane, "bulk");
  const status = statusOf(child.pid!);
  assert.equal(status.nice, 19);
  assert.equal(status.oomScoreAdj, "800");
  const group = means.find((each) => each.means === "control group")!;
  assert.equal(group.applied, hasGroups());
  if (group.applied) assert.match(status.cpuGroup, new RegExp(`/laneway-bulk/run-${child.pid}$`));
  else assert.ok(group.why !== undefined && group.fix !== undefined);
  child.stdin!.end("\n");
  const [code] = (await once(child, "exit")) as [number];
  assert.equal(code, 7);
});

test("the group of a command is gone when the command is", async (t) => {
  const child = endedWith(t, spawnInLane("sh", WAITS, { lane: "bulk" }));
  await child.report;
  const { cpu } = lookAtHost();
  const own = cpu.version === 0 ? undefined : `${cpu.base}/laneway-bulk/run-${child.pid}`;
  if (own !== undefined) assert.ok(existsSync(own));
  child.stdin!.end("\n");
  await once(child, "exit");
  if (own !== undefined) assert.ok(!existsSync(own));
});

test("what the command starts is in the lane and is told its name", async (t) => {
  const script = "nice; sh -c 'nice; cat /proc/self/oom_score_adj; echo $LANEWAY_LANE'";
  const child = endedWith(t, spawnInLane("sh", ["-c", script], { lane: "low" }));
  let out = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (out += text));
  await once(child, "close");
  assert.equal(out, "10\n10\n500\nlow\n");
});

test("the lane is that of the running code, and else the default lane of the policy", async (t) => {
  const inside = runInLane("low", () => endedWith(t, spawnInLane("true")));
  assert.equal((await inside.report).lane, "low");
  assert.equal((await endedWith(t, spawnInLane("true")).report).lane, "normal");
});

test("normal, high and critical change nothing of the processor", async (t) => {
  for (const lane of ["critical", "high", "normal"]) {
    const child = endedWith(t, spawnInLane("sh", WAITS, { lane }));
    const { means, complete } = await child.report;
    assert.ok(complete);
    assert.deepEqual(
      means.filter(({ what }) => what !== "memory").map((each) => each.means),
      ["nice"],
    );
    assert.equal(statusOf(child.pid!).nice, 0);
    assert.ok(!statusOf(child.pid!).cpuGroup.includes("laneway-"));
  }
});

test("nothing is raised unless asked: a lane inside a lower one stays there, and the report says so", async (t) => {
  const niced = endedWith(t, spawn("sh", WAITS, { stdio: ["pipe", "ignore", "ignore"] }));
  await setLane("bulk", { pid: niced.pid! });
  const { means, complete } = await setLane("low", { pid: niced.pid! });
  assert.equal(statusOf(niced.pid!).nice, 19);
  assert.equal(statusOf(niced.pid!).oomScoreAdj, "800");
  assert.match(means.find((each) => each.means === "nice")!.why!, /it is at 19, and it would rise/);
  if (hasGroups()) {
    assert.equal(complete, false);
    assert.match(statusOf(niced.pid!).cpuGroup, /laneway-bulk/);
  }
});

test("a running process is put in a lane with all of its threads", async (t) => {
  const script = "process.stdout.write('up'); process.stdin.resume()";
  const child = endedWith(t, spawn(process.execPath, ["-e", script]));
  await once(child.stdout, "data");
  await setLane("low", { pid: child.pid! });
  const { readdirSync } = await import("node:fs");
  const threads = readdirSync(`/proc/${child.pid}/task`).map(Number);
  assert.ok(threads.length > 4);
  assert.deepEqual([...new Set(threads.map((thread) => statusOf(thread).nice))], [10]);
});

test("the policy's nice, weight and limit of memory are what the process gets", async (t) => {
  const policy = await parsePolicy(
    "lanes: [{ name: report, cpu: { nice: 7, weight: 50 }, memory: { max: 512MiB, oomScoreAdj: 650 } }]",
  );
  const child = endedWith(t, spawnInLane("sh", WAITS, { lane: "report", policy }));
  const { means } = await child.report;
  assert.equal(statusOf(child.pid!).nice, 7);
  assert.equal(statusOf(child.pid!).oomScoreAdj, "650");
  const { cpu, memory } = lookAtHost();
  const { readFileSync } = await import("node:fs");
  if (cpu.version === 1)
    assert.equal(readFileSync(`${cpu.base}/laneway-report/cpu.shares`, "utf8").trim(), "512");
  if (cpu.version === 2)
    assert.equal(readFileSync(`${cpu.base}/laneway-report/cpu.weight`, "utf8").trim(), "50");
  const limit = means.find((each) => each.means === "memory.max" || each.means === "control group");
  if (memory.version === 0) assert.equal(limit?.applied, false);
  else {
    const file = memory.version === 2 ? "memory.max" : "memory.limit_in_bytes";
    const found = readFileSync(`${memory.base}/laneway-report/${file}`, "utf8").trim();
    assert.equal(found, String(512 * 1024 * 1024));
  }
});

test("a lane that there is not is refused before anything starts, naming those there are", async () => {
  assert.throws(() => spawnInLane("true", [], { lane: "bluk" }), {
    code: "LANEWAY_INVALID",
    message: 'lane: expected one of the lanes critical, high, normal, low, bulk, found "bluk"',
  });
  await assert.rejects(setLane("bluk"), { code: "LANEWAY_INVALID" });
  await assert.rejects(setLane("bulk", { pid: 0 }), /pid: expected the id of a process, found 0/);
});

test("a command that there is not fails with the event that spawn has for it", async () => {
  const [error] = (await once(spawnInLane("laneway-no-such-command"), "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ENOENT");
});

test("a command ended before it began leaves no group", async (t) => {
  const child = endedWith(t, spawnInLane("sh", WAITS, { lane: "bulk" }));
  child.kill("SIGKILL");
  const ended = once(child, "exit");
  await child.report;
  await ended;
  const { cpu } = lookAtHost();
  if (cpu.version !== 0) assert.ok(!existsSync(`${cpu.base}/laneway-bulk/run-${child.pid}`));
});

test("descriptors of the caller's own arrive, and the way by which the command was held back does not", async (t) => {
  const options = { lane: "bulk", stdio: ["ignore", "pipe", "ignore", "pipe"] } as const;
  const script = "echo extra >&3; [ -e /proc/self/fd/4 ] && echo open; echo done";
  const child = endedWith(t, spawnInLane("sh", ["-c", script], { ...options, stdio: [...options.stdio] }));
  let out = "";
  let extra = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (out += text));
  (child.stdio[3] as NodeJS.ReadableStream).setEncoding("utf8").on("data", (text: string) => (extra += text));
  await once(child, "close");
  assert.equal(extra, "extra\n");
  assert.equal(out, "done\n");
});

test("shell: true takes a line of the shell, as spawn does", async (t) => {
  const child = endedWith(t, spawnInLane("nice && echo $LANEWAY_LANE", [], { lane: "low", shell: true }));
  let out = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (out += text));
  await once(child, "close");
  assert.equal(out, "10\nlow\n");
});

test("the five default lanes all have levels", () => {
  assert.deepEqual(
    defaultPolicy().lanes.map(({ name }) => name),
    ["critical", "high", "normal", "low", "bulk"],
  );
});
