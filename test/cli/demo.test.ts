import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** The first plain line of a run under way: all processes are up by then. */
const RUNNING = /^ +\d+\.\d s {3}/m;

/** The demo in a process of its own, writing into a folder of its own. */
function demo(
  t: TestContext,
  ...options: string[]
): { process: ChildProcessWithoutNullStreams; folder: string; output: () => string } {
  const folder = mkdtempSync(join(tmpdir(), "laneway-demo-"));
  const child = spawn(process.execPath, [MAIN, "demo", "--out", folder, ...options], {
    env: { ...process.env, NO_COLOR: "1" },
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  t.after(() => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  return { process: child, folder, output: () => output };
}

function ended(child: ChildProcessWithoutNullStreams): Promise<number | null> {
  return new Promise((resolve) => child.once("close", (code) => resolve(code)));
}

/** Settles when the output matches. */
function says(run: ReturnType<typeof demo>, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (pattern.test(run.output())) resolve();
    };
    run.process.stdout.on("data", look);
    run.process.stderr.on("data", look);
    run.process.once("close", () =>
      reject(new Error(`the demo ended before it said ${pattern}:\n${run.output()}`)),
    );
    look();
  });
}

/** The children of a process, from /proc; none where there is no /proc. */
function childrenOf(pid: number): number[] {
  if (!existsSync("/proc/self/stat")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && parentOf(Number(name)) === pid)
    .map(Number);
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}

/** Settles when none of the processes is left; the kernel tells nobody but their parent, so it is asked again. */
async function gone(pids: readonly number[]): Promise<void> {
  const alive = (pid: number): boolean => {
    const state = existsSync(`/proc/${pid}/stat`)
      ? readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0]
      : "Z";
    return state !== "Z";
  };
  while (pids.some(alive)) await new Promise((resolve) => setImmediate(resolve));
}

test("a short run judges both sides, holds the budget with lanes on and leaves its files", async (t) => {
  const run = demo(t, "--seconds", "3", "--seed", "11", "--json");
  let json = "";
  run.process.stdout.on("data", (text: string) => (json += text));
  const exitCode = await ended(run.process);
  assert.ok(exitCode === 0 || exitCode === 3, run.output());
  const verdict = JSON.parse(json);
  assert.equal(exitCode === 0, verdict.kept, "the exit code says what the verdict says");
  assert.deepEqual([verdict.seed, verdict.seconds, verdict.batchCalls], [11, 3, 60]);
  assert.equal(verdict.on.chat.served, verdict.on.chat.sent);
  assert.equal(verdict.on.refusedUpstream, 0);
  assert.ok(verdict.off.refusedUpstream > 0, "without budgets the upstream has to refuse");
  for (const side of [verdict.off, verdict.on]) {
    assert.ok(side.batch.served > 0 && side.batch.served < 60, `${side.batch.served} batch calls served`);
    assert.ok(side.budgetUsed > 0.5 && side.budgetUsed <= 1, `${side.budgetUsed} of the budget used`);
    assert.ok(side.chat.sent >= 8, `${side.chat.sent} chat messages`);
    assert.equal(side.mostAtOnce <= 8, true, "the gateway keeps its limit");
    assert.ok(side.mostWaiting > 0);
  }
  assert.equal(verdict.off.chat.sent, verdict.on.chat.sent);
  assert.match(readFileSync(verdict.files.svg, "utf8"), /^<svg /);
  const policy = readFileSync(verdict.files.policyOn, "utf8");
  assert.match(policy, /inputTokens: 30000\/min/);
  assert.match(policy, /reservation: 2, lendable: 0/);
});

test("without a terminal the demo writes plain lines, then the table, the curves and what to try next", async (t) => {
  const run = demo(t, "--seconds", "3");
  const exitCode = await ended(run.process);
  assert.ok(exitCode === 0 || exitCode === 3, run.output());
  const text = run.output();
  assert.match(text, /^laneway demo: the same load through two gateways/);
  assert.match(text, /The upstream allows 30,000 input tokens a minute/);
  assert.match(text, /^Live page while it runs: http:\/\/127\.0\.0\.1:\d+\/ /m);
  assert.match(text, /time +chat waits +queued +429s +chat waits +queued +429s\n +\d\.\d s +\S/);
  assert.match(text, /^(KEPT|MISSED) {2}/m);
  assert.match(text, /chat wait, p99 .* objective < 50 ms/);
  assert.match(text, /refused by the upstream \(429\) +\d+ +\d+$/m);
  assert.match(text, /<1 ms ┤/);
  assert.match(text, /npx laneway check /);
  // eslint-disable-next-line no-control-regex
  assert.doesNotMatch(text, /\u001B/);
});

test("options that make no sense are refused with what was expected", async (t) => {
  const run = demo(t, "--seconds", "1");
  assert.equal(await ended(run.process), 2);
  assert.match(run.output(), /--seconds: expected a number from 3 to 3600, found 1/);
});

test("a folder that cannot be made fails with one line, exit 1, and no process is left", async (t) => {
  const run = demo(t, "--seconds", "3", "--out", join(MAIN, "not-a-folder"));
  assert.equal(await ended(run.process), 1);
  assert.match(run.output(), /laneway demo: ENOTDIR/);
});

for (const [signal, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`${signal} stops the demo and everything that it started`, async (t) => {
    const run = demo(t, "--seconds", "12");
    await says(run, RUNNING);
    const children = childrenOf(run.process.pid!);
    run.process.kill(signal);
    assert.equal(await ended(run.process), exitCode);
    assert.match(run.output(), new RegExp(`stopped by ${signal}`));
    await gone(children);
  });
}

test("a demo that is stopped while it starts leaves nothing behind either", async (t) => {
  const run = demo(t, "--seconds", "12");
  await says(run, /at a time/);
  const children = childrenOf(run.process.pid!);
  run.process.kill("SIGINT");
  assert.equal(await ended(run.process), 130);
  await gone(children);
});

test("a demo that is killed leaves no process behind", async (t) => {
  const run = demo(t, "--seconds", "12");
  await says(run, RUNNING);
  const children = childrenOf(run.process.pid!);
  if (existsSync("/proc/self/stat")) assert.equal(children.length, 6);
  run.process.kill("SIGKILL");
  await ended(run.process);
  await gone(children);
});
