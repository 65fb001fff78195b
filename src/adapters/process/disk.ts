/** The disk of a lane: a weight of its group, and the class `idle`, in which a process is served when nobody else asks. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { handDown, laneGroup } from "./groups.ts";
import { read } from "./host.ts";
import type { Controller } from "./host.ts";
import { USUAL_WEIGHT } from "./levels.ts";
import type { ProcessLevels } from "./levels.ts";
import { errorWords } from "./means.ts";
import type { Means } from "./means.ts";

const IONICE = "ionice";
/** The first is there with blk-iocost, the second with the scheduler BFQ. */
const FILES = ["io.weight", "io.bfq.weight"] as const;
const LEAST_WEIGHT = 1;
const NO_WEIGHTS = {
  why: "this kernel weighs no I/O by groups: it has neither blk-iocost nor the scheduler BFQ",
  fix: "use the I/O scheduler bfq for the disk",
} as const;

/** The weight that goes with a share of the processor. */
export function diskWeight({ weight }: Pick<ProcessLevels, "weight">): number {
  return weight === "idle" ? LEAST_WEIGHT : weight;
}

/** Gives the lane's group its weight. Cgroup v1 has none that is worth the move. */
export function setDiskWeight(controller: Controller, levels: ProcessLevels): Means | undefined {
  if (controller.version === 1 || levels.weight === USUAL_WEIGHT) return undefined;
  const folder = laneGroup(controller, levels.lane);
  try {
    handDown(controller.base, "io");
  } catch (error) {
    return { ...asked(levels), applied: false, covered: true, ...errorWords(error) };
  }
  return written(folder, levels);
}

function written(folder: string, levels: ProcessLevels): Means {
  const file = FILES.find((name) => read(`${folder}/${name}`) !== undefined);
  if (file === undefined) return { ...asked(levels), applied: false, covered: true, ...NO_WEIGHTS };
  try {
    writeFileSync(`${folder}/${file}`, `default ${diskWeight(levels)}`);
    return { ...asked(levels), means: file, applied: true, where: `${folder}/${file}` };
  } catch (error) {
    return { ...asked(levels), means: file, applied: false, covered: true, ...errorWords(error) };
  }
}

/** Whether systemd's weight holds: it says nothing when it does not. */
export function diskOfSlice(folder: string, levels: ProcessLevels): Means | undefined {
  if (levels.weight === USUAL_WEIGHT) return undefined;
  const weight = String(diskWeight(levels));
  const file = FILES.find((name) => read(`${folder}/${name}`)?.includes(`default ${weight}`));
  if (file === undefined) return { ...asked(levels), applied: false, covered: true, ...NO_WEIGHTS };
  return { ...asked(levels), means: file, applied: true, where: `${folder}/${file}` };
}

function asked(levels: ProcessLevels): Pick<Means, "what" | "means" | "value"> {
  return { what: "io", means: FILES[0], value: `${diskWeight(levels)} beside others' ${USUAL_WEIGHT}` };
}

/** The class `idle` for a process and its threads. Without a class of its own a process has the disk by its nice. */
export async function idleDisk(pid: number, { io }: ProcessLevels, niced: boolean): Promise<Means[]> {
  if (io !== "idle") return [];
  const means = { what: "io", means: "ionice", value: "idle" } as const;
  const complaint = await complaintOf(pid);
  if (complaint === "") return [{ ...means, applied: true }];
  const missing = complaint === undefined;
  return [
    {
      ...means,
      applied: false,
      covered: niced,
      why: missing ? "there is no program ionice here; the kernel goes by the nice" : complaint,
      fix: missing ? "install util-linux" : undefined,
    },
  ];
}

/** What ionice says against it; undefined when there is no ionice. */
async function complaintOf(pid: number): Promise<string | undefined> {
  const child = spawn(IONICE, ["-c", "3", "-p", ...threadsOf(pid).map(String)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return code === 0 ? "" : said.trim() || `ionice ended with ${code}`;
  } catch {
    return undefined;
  }
}

/** A process that has just ended has none. */
export function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [pid];
  }
}
