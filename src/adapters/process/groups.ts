/**
 * The control group of a lane, with one group inside for each process tree: the shares and limits are the lane's, however
 * many programs it runs, and a tree's own group can be removed when that tree has ended.
 */

import { mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { GROUP_PREFIX, read } from "./host.ts";
import type { Controller, NoController } from "./host.ts";
import { USUAL_WEIGHT } from "./levels.ts";
import type { ProcessLevels } from "./levels.ts";
import { errorWords } from "./means.ts";
import type { Means } from "./means.ts";

const RUN_PREFIX = "run-";
/** Cgroup v1 counts in shares, 1024 being those of any group. */
const SHARES_PER_WEIGHT = 10.24;
const LEAST_SHARES = 2;
/** Another command's sweep may take an empty group away between making and entering it. */
const TRIES = 3;

/** The folder of the lane's group. */
export function laneGroup({ base }: Controller, lane: string): string {
  return `${base}/${GROUP_PREFIX}${lane}`;
}

/** The folder of one process tree inside of it. */
export function runGroup(controller: Controller, lane: string, pid: number): string {
  return `${laneGroup(controller, lane)}/${RUN_PREFIX}${pid}`;
}

/** Whether these levels lie above those of the group that the process is in. */
export function isRaise({ outer, version }: Controller, { weight }: ProcessLevels): boolean {
  if (outer === undefined) return false;
  const idle = read(`${outer}/cpu.idle`)?.trim() === "1";
  const file = version === 2 ? "cpu.weight" : "cpu.shares";
  const held = Number(read(`${outer}/${file}`) ?? Number.NaN) / (version === 2 ? 1 : SHARES_PER_WEIGHT);
  if (idle) return weight !== "idle";
  return weight !== "idle" && weight > Math.ceil(held);
}

/**
 * Makes the groups and moves the process, and with it what it starts later; `prepare` runs when the lane's group is there
 * and nothing of this process is in it. The move takes the kernel some 15 ms, in which the caller can do other things; all
 * before it is done when this returns. Rejects with the error of the file system.
 */
export async function enter<T>(
  controller: Controller,
  name: "cpu" | "memory",
  lane: string,
  pid: number,
  prepare: () => T,
): Promise<T> {
  if (controller.version === 2) handDown(controller.base, name);
  const folder = laneGroup(controller, lane);
  for (let tried = 1; ; tried++) {
    try {
      mkdirSync(folder, { recursive: true });
      sweep(folder);
      const prepared = prepare();
      const own = runGroup(controller, lane, pid);
      mkdirSync(own, { recursive: true });
      await writeFile(`${own}/cgroup.procs`, String(pid));
      return prepared;
    } catch (error) {
      const gone =
        error instanceof Error && "code" in error && /^(?:ENOENT|ENODEV)$/.test(String(error.code));
      if (!gone || tried === TRIES) throw error;
    }
  }
}

/** Sets the lane's share of the processor. */
export function setShare(controller: Controller, { lane, weight }: ProcessLevels): void {
  const folder = laneGroup(controller, lane);
  const idle = `${folder}/cpu.idle`;
  if (weight === "idle") {
    if (read(idle) !== undefined) return writeFileSync(idle, "1");
    // A kernel before 5.15: as little as a share can be.
    return controller.version === 2
      ? writeFileSync(`${folder}/cpu.weight`, "1")
      : writeFileSync(`${folder}/cpu.shares`, String(LEAST_SHARES));
  }
  if (read(idle)?.trim() === "1") writeFileSync(idle, "0");
  if (controller.version === 2) return writeFileSync(`${folder}/cpu.weight`, String(weight));
  const shares = Math.max(LEAST_SHARES, Math.round(weight * SHARES_PER_WEIGHT));
  writeFileSync(`${folder}/cpu.shares`, String(shares));
}

/** Sets the lane's limits of memory, and tells of each whether it holds. */
export function setMemory(controller: Controller, { lane, memory }: ProcessLevels): Means[] {
  const files = [
    ["memory.high", "memory.high", memory.highBytes],
    ["memory.low", "memory.low", memory.lowBytes],
    ["memory.max", controller.version === 2 ? "memory.max" : "memory.limit_in_bytes", memory.maxBytes],
  ] as const;
  return files.flatMap(([means, file, bytes]): Means[] => {
    if (bytes === undefined) return [];
    const asked = { what: "memory", means, value: String(bytes) } as const;
    if (controller.version === 1 && means !== "memory.max") {
      const why = `cgroup v1 has no ${means}${means === "memory.high" ? softly(controller, lane, bytes) : ""}`;
      return [{ ...asked, applied: false, why, fix: "boot with cgroup v2, or use memory.max" }];
    }
    try {
      writeFileSync(`${laneGroup(controller, lane)}/${file}`, String(bytes));
      return [{ ...asked, applied: true, where: `${laneGroup(controller, lane)}/${file}` }];
    } catch (error) {
      return [{ ...asked, applied: false, ...errorWords(error) }];
    }
  });
}

/** The nearest that cgroup v1 has: it slows nobody, but when memory is short it is taken first from what lies beyond. */
function softly(controller: Controller, lane: string, bytes: number): string {
  try {
    writeFileSync(`${laneGroup(controller, lane)}/memory.soft_limit_in_bytes`, String(bytes));
    return "; its soft limit is set instead: taken first when memory is short, and not slowed down before";
  } catch {
    return "";
  }
}

/** Whether the lane has a share of its own, or the process another's, which it would keep. */
export function needsGroup(controller: Controller | NoController, { weight }: ProcessLevels): boolean {
  return weight !== USUAL_WEIGHT || (controller.version !== 0 && controller.outer !== undefined);
}

/** Removes the group of a process tree, and the lane's when it was the last. False while something runs in it. */
export function removeGroup(folder: string): boolean {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) return false;
  }
  try {
    rmdirSync(folder.slice(0, folder.lastIndexOf("/")));
  } catch {
    // Others of the lane still run, or removed it first.
  }
  return true;
}

/** What a machine that lost both a command and its keeper left behind. A group in use refuses. */
function sweep(folder: string): void {
  for (const entry of readdirSync(folder)) {
    if (!entry.startsWith(RUN_PREFIX)) continue;
    try {
      rmdirSync(`${folder}/${entry}`);
    } catch {
      // In use.
    }
  }
}

/** Lets the groups in a folder have a controller. */
export function handDown(base: string, name: string): void {
  const file = `${base}/cgroup.subtree_control`;
  if (!(read(file) ?? "").split(/\s/).includes(name)) writeFileSync(file, `+${name}`);
}
