import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { lookAtHost } from "../../src/adapters/process/host.ts";
import { needsHost } from "../needs.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const LIMIT_BYTES = 220 * 1024 * 1024;
/** Takes as many megabytes as each line says, all of them touched, and then writes a line. */
const HOLDER = `
  const held = [];
  require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    held.push(Buffer.alloc(Number(line) * 1024 * 1024, 1));
    process.stdout.write("held\\n");
  });
  process.stdout.write("up\\n");`;

/** What is done after the test, the last first: a group can go only when nothing is in it. */
function cleanup(t: TestContext): (act: () => unknown) => void {
  const acts: (() => unknown)[] = [];
  t.after(async () => {
    for (const act of acts.toReversed()) await act();
  });
  return (act) => acts.push(act);
}

/** A group with a limit of memory; undefined where this host gives none. */
function limited(t: TestContext, after: (act: () => unknown) => void): string | undefined {
  const { memory } = lookAtHost();
  const message =
    "this host gives no control group with the controller memory: run it as root, with cgroup v1 or v2";
  if (!needsHost(t, memory.version !== 0, message) || memory.version === 0) return undefined;
  const { base, version } = memory;
  if (version === 2) writeFileSync(`${base}/cgroup.subtree_control`, "+memory");
  const folder = `${base}/test-${process.pid}-${Math.random().toString(36).slice(2)}`;
  mkdirSync(folder);
  after(() => rmdirSync(folder));
  writeFileSync(`${folder}/${version === 2 ? "memory.max" : "memory.limit_in_bytes"}`, String(LIMIT_BYTES));
  return folder;
}

interface Holder {
  /** How it ended: the signal, or 128 and its number from `laneway run`. */
  readonly ended: Promise<unknown>;
  /** `held`, or how it ended instead. */
  hold(megabytes: number): Promise<unknown>;
}

/** A holder of memory in the group, in a lane or none. */
async function holder(
  after: (act: () => unknown) => void,
  group: string,
  lane: string | undefined,
): Promise<Holder> {
  const enter = ["sh", "-c", 'echo $$ > "$0"/cgroup.procs && exec "$@"', group];
  const command = [...enter, process.execPath, "-e", HOLDER];
  const words =
    lane === undefined ? command : [process.execPath, MAIN, "run", "--lane", lane, ...["--", ...command]];
  const child = spawn(words[0]!, words.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit").then(([code, signal]: unknown[]) => signal ?? code);
  after(async () => {
    // It ends with its input.
    child.stdin.destroy();
    await ended;
  });
  child.stdin.on("error", () => {
    // It was ended by the kernel.
  });
  assert.equal(await Promise.race([once(child.stdout, "data").then(() => "up"), ended]), "up");
  return {
    ended,
    hold: (megabytes) => {
      child.stdin.write(`${megabytes}\n`);
      return Promise.race([once(child.stdout, "data").then(() => "held"), ended]);
    },
  };
}

/** Fills the group from the smaller of two, and tells what became of the larger one. */
async function fate(t: TestContext, lanes: boolean): Promise<"lives" | "ended" | undefined> {
  const after = cleanup(t);
  const group = limited(t, after);
  if (group === undefined) return undefined;
  const critical = await holder(after, group, lanes ? "critical" : undefined);
  const bulk = await holder(after, group, lanes ? "bulk" : undefined);
  await critical.hold(140);
  const ended: unknown[] = [];
  const first = Promise.race([critical.ended, bulk.ended]).then((how) => ended.push(how));
  for (let megabytes = 0; ended.length === 0; megabytes += 10) {
    assert.ok(megabytes < 220, "the kernel keeps to the limit");
    await bulk.hold(10);
  }
  await first;
  assert.ok(ended[0] === "SIGKILL" || ended[0] === 137, String(ended[0]));
  // The kernel may end both when the memory of the first is not free soon enough.
  return (await critical.hold(1)) === "held" ? "lives" : "ended";
}

test("when memory runs out, bulk is ended and the larger critical lives", async (t) => {
  const found = await fate(t, true);
  if (found !== undefined) assert.equal(found, "lives");
});

test("without lanes the larger one is ended, however critical", async (t) => {
  const found = await fate(t, false);
  if (found !== undefined) assert.equal(found, "ended");
});
