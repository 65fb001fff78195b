/**
 * Do lanes hold between programs that know nothing of each other, and what does starting one cost? Busy programs pinned to
 * one core, each in a session of its own as from two terminals, by `laneway run` and by plain `nice`. Takes 20 seconds.
 */

import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { BenchRow } from "./row.ts";
import { beside, median, over, under } from "./question.ts";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const BUSY = ["taskset", "-c", "1", "sh", "-c", "while :; do :; done"];
const NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
const LASTS_MS = 4_000;
const STARTS = 11;

/** Runs it; rows for the report. */
export async function processBench(): Promise<BenchRow[]> {
  const run = (lane: string): string[] => [process.execPath, MAIN, "run", "--lane", lane, "--", ...BUSY];
  const lanes = await share(run("normal"), run("bulk"));
  const plain = await share(["nice", "-n", "0", ...BUSY], ["nice", "-n", "19", ...BUSY]);
  const ask = "two busy programs on one core, from two sessions: the processor that";
  const rows = [
    over(`${ask} normal gets beside bulk`, lanes, 90, "%"),
    under(`${ask} bulk gets beside normal`, 100 - lanes, 10, "%"),
    beside({
      question: `${ask} the first gets`,
      ours: lanes,
      peer: "nice 0 beside nice 19",
      theirs: plain,
      unit: "%",
    }),
  ];
  if (process.getuid?.() === 0) {
    const poor = await share([...NOBODY, ...run("normal")], [...NOBODY, ...run("bulk")]);
    rows.push(over(`${ask} normal gets beside bulk, without any right`, poor, 90, "%"));
  }
  rows.push(under("laneway run: added to the start of a command", startMs(), 80, "ms"));
  return rows;
}

/** The part of what both used that the first did, in percent. */
async function share(one: readonly string[], other: readonly string[]): Promise<number> {
  const both = [await begun(one), await begun(other)];
  try {
    const before = both.map(used);
    await delay(LASTS_MS);
    const [first = 0, second = 0] = both.map((each, index) => used(each) - before[index]!);
    return (100 * first) / (first + second);
  } finally {
    for (const { root, pid } of both) {
      const ended = once(root, "exit");
      process.kill(pid, "SIGKILL");
      await ended;
    }
  }
}

interface Busy {
  readonly root: ChildProcess;
  /** Of the loop itself. */
  readonly pid: number;
}

/** The loop is a grandchild under `laneway run`, and the started process itself under `nice`. */
async function begun([command = "", ...args]: readonly string[]): Promise<Busy> {
  const root = spawn(command, args, { detached: true, stdio: ["ignore", "ignore", "inherit"], cwd: "/" });
  for (;;) {
    const loop = [root.pid!, ...childrenOf(root.pid!)].find((pid) =>
      commandOf(pid).startsWith("sh -c while"),
    );
    if (loop !== undefined) return { root, pid: loop };
    if (root.exitCode !== null) throw new Error(`bench/process: ${command} ended with ${root.exitCode}`);
    await delay(10);
  }
}

function childrenOf(pid: number): number[] {
  const found = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" }).stdout;
  return found.split("\n").map(Number).filter(Boolean);
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** Ticks of processor time. */
function used({ pid }: Busy): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Milliseconds from asking for a command to its first act, more than without us. */
function startMs(): number {
  const begunMs = (command: string, args: readonly string[]): number => {
    const from = Date.now();
    const { stdout } = spawnSync(command, args, { cwd: "/", encoding: "utf8" });
    return Number(stdout) - from;
  };
  const clock = ["date", "+%s%3N"];
  const run = (): number => begunMs(process.execPath, [MAIN, "run", "--lane", "bulk", "--", ...clock]);
  run();
  return median(Array.from({ length: STARTS }, () => run() - begunMs("date", ["+%s%3N"])));
}

if (import.meta.main)
  for (const { question, ours, theirs, unit, bar, met } of await processBench())
    console.log(
      `${met === false ? "MISSED" : "met   "}  ${question}: ${ours.toFixed(1)} ${unit} beside ${theirs.toFixed(1)}${bar === "" ? "" : ` (bar ${bar})`}`,
    );
