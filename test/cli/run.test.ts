import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, watch, writeFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { lookAtHost } from "../../src/adapters/process/host.ts";
import { statusOf } from "../adapters/process/lane-status.ts";
import { folderWith, laneway } from "./command.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** `laneway run` in the background, with what it started ended when the test is. */
function running(t: TestContext, args: readonly string[]): ChildProcess & { readonly pids: number[] } {
  const child = spawn(process.execPath, [MAIN, "run", ...args], { stdio: ["pipe", "pipe", "pipe"] });
  const pids: number[] = [];
  t.after(async () => {
    for (const pid of pids) kill(pid);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  });
  return Object.assign(child, { pids });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** The next line that the command writes. */
function line(stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const read = (chunk: unknown): void => {
      text += String(chunk);
      if (!text.includes("\n")) return;
      stream.off("data", read);
      resolve(text.slice(0, text.indexOf("\n")));
    };
    stream.on("data", read);
    stream.once("end", () => reject(new Error(`the stream ended after ${JSON.stringify(text)}`)));
  });
}

/** A pipe in a folder: a command that reads it waits until the test writes to it, whoever started the command has ended. */
async function pipe(t: TestContext): Promise<string> {
  const path = join(await folderWith(t, {}), "pipe");
  assert.equal(spawnSync("sh", ["-c", 'mkfifo "$0"', path]).status, 0);
  return path;
}

test("the exit code is the command's, and stdout is the command's alone", async () => {
  const { code, out, err } = await laneway([
    "run",
    "--lane",
    "bulk",
    "--explain",
    "--",
    "sh",
    "-c",
    "echo out; exit 7",
  ]);
  assert.equal(code, 7);
  assert.equal(out, "out\n");
  assert.match(err, /^laneway run: process \d+ in lane bulk\n/);
  assert.match(err, / {2}cpu {5}nice {11}19\n/);
  assert.match(err, / {2}memory {2}oom_score_adj {2}800/);
});

test("a command that is missing is 127, one that cannot be executed 126, one ended by a signal 128 and it", async (t) => {
  const folder = await folderWith(t, { script: "#!/bin/sh\n" });
  const file = join(folder, "script");
  await chmod(file, 0o644);
  const missing = await laneway(["run", "--lane", "bulk", "--", "laneway-no-such-command"]);
  assert.deepEqual([missing.code, missing.err], [127, "laneway run: cannot find laneway-no-such-command\n"]);
  const other = await laneway(["run", "--lane", "bulk", "--", file]);
  assert.deepEqual([other.code, other.err], [126, `laneway run: ${file} is there and cannot be executed\n`]);
  assert.equal((await laneway(["run", "--lane", "bulk", "--", "sh", "-c", "kill -TERM $$"])).code, 143);
});

test("without anything to say nothing is said", async () => {
  const { code, out, err } = await laneway(["run", "--lane", "normal", "--", "true"]);
  assert.deepEqual([code, out, err], [0, "", ""]);
});

test("LANEWAY_LANE says the lane to the command, and is the lane where none is named", async () => {
  const { out } = await laneway(["run", "--", "sh", "-c", "echo $LANEWAY_LANE; nice"], {
    env: { LANEWAY_LANE: "low" },
  });
  assert.equal(out, "low\n10\n");
});

test("--json says what was applied as one line of JSON", async () => {
  const { err } = await laneway(["run", "--lane", "bulk", "--explain", "--json", "--", "true"]);
  const report = JSON.parse(err) as { lane: string; complete: boolean; means: { means: string }[] };
  assert.equal(report.lane, "bulk");
  assert.ok(report.means.some(({ means }) => means === "nice"));
});

test("--strict does not start the command when something cannot be applied, and says what", async (t) => {
  // What no version of the kernel's groups here and elsewhere has in common: v1 lacks it, and so has nobody.
  const folder = await folderWith(t, {
    "laneway.yaml": "lanes: [{ name: report, memory: { high: 64MiB, oomScoreAdj: -1000 } }]\n",
  });
  const { memory } = lookAtHost();
  const { code, out, err } = await laneway(["run", "--lane", "report", "--strict", "--", "echo", "begun"], {
    cwd: folder,
  });
  if (code === 0) {
    assert.equal(memory.version, 2);
    return;
  }
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.match(err, /because .+\n/);
  assert.match(err, /laneway run: not started, because --strict asks for all of it\n$/);
  if (memory.version !== 0) assert.ok(!existsSync(`${memory.base}/laneway-report`));
});

test("a lane that there is not, a policy that is wrong and a resource that there is not start nothing", async (t) => {
  const folder = await folderWith(t, {
    "wrong.yaml": "lanes: [{ name: low, cpu: { nice: 40 } }]\n",
    "right.yaml": "resources: { main-db: { limit: 2 } }\n",
  });
  const unknown = await laneway(["run", "--lane", "bluk", "--", "echo", "begun"], { cwd: folder });
  assert.deepEqual(
    [unknown.code, unknown.out, unknown.err],
    [
      2,
      "",
      'laneway run: --lane: expected one of the lanes critical, high, normal, low, bulk, found "bluk"\n',
    ],
  );
  const wrong = await laneway(["run", "-p", "wrong.yaml", "--", "echo", "begun"], { cwd: folder });
  assert.deepEqual([wrong.code, wrong.out], [4, ""]);
  assert.match(wrong.err, /wrong\.yaml:1:35: lanes\.low\.cpu\.nice: expected a whole number from -20 to 19/);
  const resource = await laneway(["run", "-p", "right.yaml", "--wait", "nightly", "--", "echo", "begun"], {
    cwd: folder,
  });
  assert.deepEqual([resource.code, resource.out], [2, ""]);
  assert.match(resource.err, /expected a resource of right\.yaml \(main-db\), found "nightly"/);
});

test("a signal goes on to the command and what it started", async (t) => {
  const script = "trap 'echo got; exit 5' TERM; echo $$; while :; do read -r line || wait; done";
  const run = running(t, ["--lane", "bulk", "--", "sh", "-c", script]);
  run.pids.push(Number(await line(run.stdout!)));
  const exit = once(run, "exit") as Promise<[number]>;
  const got = line(run.stdout!);
  run.kill("SIGTERM");
  // A shell that reads is woken by the end of its input, when it has not been by the signal.
  run.stdin!.end();
  assert.equal(await got, "got");
  assert.deepEqual((await exit)[0], 5);
});

test("laneway run that is killed leaves the command in its lane, and no group when that has ended", async (t) => {
  const until = await pipe(t);
  const run = running(t, ["--lane", "bulk", "--", "sh", "-c", `echo $$; read -r line < ${until}`]);
  const pid = Number(await line(run.stdout!));
  run.pids.push(pid);
  const { cpu } = lookAtHost();
  const group = cpu.version === 0 ? undefined : `${cpu.base}/laneway-bulk/run-${pid}`;
  if (group !== undefined) assert.ok(existsSync(group));
  const ended = once(run, "exit");
  run.kill("SIGKILL");
  await ended;
  assert.equal(statusOf(pid).nice, 19);
  if (group === undefined) return writeFileSync(until, "end\n");
  const lane = group.slice(0, group.lastIndexOf("/"));
  const gone = new Promise<void>((resolve) => {
    const look = (): void => {
      if (existsSync(group)) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(lane, look).on("error", look);
    writeFileSync(until, "end\n");
    look();
  });
  await gone;
  assert.ok(!existsSync(group));
});

test("a command that was raised out of a lower lane leaves no group either", async (t) => {
  // Hardly lower: on a busy machine a program that is idle by lane does not even start.
  const cwd = await folderWith(t, {
    "laneway.yaml": "lanes: [{ name: normal }, { name: lower, cpu: { weight: 99 } }]\n",
  });
  const { cpu } = lookAtHost();
  const inner = [
    process.execPath,
    MAIN,
    "run",
    "--lane",
    "normal",
    "--raise",
    "--",
    "cat",
    "/proc/self/cgroup",
  ];
  const { code, out } = await laneway(["run", "--lane", "lower", "--", ...inner], { cwd });
  assert.equal(code, 0);
  if (cpu.version === 0) return;
  assert.match(out, /\/laneway-normal\/run-\d+$/m);
  for (const lane of ["lower", "normal"]) assert.ok(!existsSync(`${cpu.base}/laneway-${lane}`), lane);
});

test("--wait takes turns, the more important lane first, and a holder that is killed holds on until its command ends", async (t) => {
  const until = await pipe(t);
  const name = `test-${process.pid}`;
  const wait = ["--wait", name];
  const first = running(t, [...wait, "--lane", "bulk", "--", "sh", "-c", `echo $$; read -r line < ${until}`]);
  first.pids.push(Number(await line(first.stdout!)));
  const order: string[] = [];
  const waiting = async (lane: string): Promise<{ ended: Promise<unknown> }> => {
    const run = running(t, [...wait, "--lane", lane, "--", "echo", lane]);
    run.stdout!.on("data", (text: Buffer) => order.push(String(text).trim()));
    assert.match(await line(run.stderr!), /^laneway run: waiting for a seat of test-\d+: 1 in all/);
    return { ended: once(run, "close") };
  };
  const waiters = [await waiting("bulk"), await waiting("low"), await waiting("high")];
  const killed = once(first, "exit");
  first.kill("SIGKILL");
  await killed;
  const late = await laneway(["run", ...wait, "--wait-timeout", "1ms", "--", "echo", "begun"]);
  assert.deepEqual([late.code, late.out], [75, ""]);
  assert.deepEqual(order, []);
  writeFileSync(until, "end\n");
  await Promise.all(waiters.map(({ ended }) => ended));
  assert.deepEqual(order, ["high", "low", "bulk"]);
});

test("without a policy no YAML reader and no schema is loaded", async (t) => {
  const folder = await folderWith(t, {});
  const hook = `data:text/javascript,${encodeURIComponent(
    "import { registerHooks } from 'node:module'; registerHooks({ resolve(s, c, n) { if (/^(yaml|zod)/.test(s)) throw new Error('loaded ' + s); return n(s, c); } });",
  )}`;
  const { code, err } = await laneway(["run", "--lane", "bulk", "--", "true"], {
    cwd: folder,
    env: { NODE_OPTIONS: `--import ${hook}` },
  });
  assert.deepEqual([code, err], [0, ""]);
});
