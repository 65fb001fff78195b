/**
 * A lane on a machine whose groups belong to systemd: a slice of the lane's own at the top, beside system.slice and
 * user.slice. Only there does its share count beside every other program's: groups are weighed against their siblings, so
 * one inside of a session's slice would leave the job that whole slice's share. The hyphen of a slice's name nests it, which
 * is why the name has none.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { diskWeight } from "./disk.ts";
import { read, SLICE_PREFIX } from "./host.ts";
import type { Systemd } from "./host.ts";
import type { MemoryLevels, ProcessLevels } from "./levels.ts";
import type { Means } from "./means.ts";

/** What systemd holds for a process. */
export interface Slice {
  /** The folder of the lane's group. */
  readonly folder: string;
}

/** Why it does not. */
export interface NoSlice {
  readonly why: string;
}

const LEAST_CPU_WEIGHT = "1";

/** Moves a process into the scope that this shell was started in; a scope lasts until nothing is in it. */
const MOVE = 'group=$(sed -n s/^0:://p /proc/self/cgroup) && echo "$1" > "$0$group/cgroup.procs"';

/** The unit of a lane. */
export function sliceName(lane: string): string {
  return `${SLICE_PREFIX}${lane.replaceAll("-", String.raw`\x2d`)}.slice`;
}

/** What systemd is asked to hold for all of a lane. All of it is said each time: a slice keeps what it was told before. */
export function sliceProperties({ weight, memory }: ProcessLevels, idle = "idle"): string[] {
  return [
    `CPUWeight=${weight === "idle" ? idle : weight}`,
    `IOWeight=${diskWeight({ weight })}`,
    `MemoryHigh=${memory.highBytes ?? "infinity"}`,
    `MemoryLow=${memory.lowBytes ?? 0}`,
    `MemoryMax=${memory.maxBytes ?? "infinity"}`,
  ];
}

/** Puts a process in its lane's slice; it never rejects. */
export async function enterSlice(
  pid: number,
  levels: ProcessLevels,
  { user, mounted, proc }: Systemd,
): Promise<Slice | NoSlice> {
  const manager = user ? ["--user"] : [];
  const slice = sliceName(levels.lane);
  const set = (idle?: string): Promise<string> =>
    complaintOf("systemctl", [
      ...manager,
      "set-property",
      "--runtime",
      slice,
      ...sliceProperties(levels, idle),
    ]);
  const scope = ["--scope", "--quiet", "--collect", `--slice=${slice}`, `--description=laneway run ${pid}`];
  const moving = complaintOf("systemd-run", [
    ...manager,
    ...scope,
    "--",
    "/bin/sh",
    "-c",
    MOVE,
    mounted,
    String(pid),
  ]);
  // Before 252 it knows no idle.
  const asked = await set().then((found) => (found === "" ? found : set(LEAST_CPU_WEIGHT)));
  const moved = await moving;
  if (moved !== "" || asked !== "") return { why: moved === "" ? asked : moved };
  const path = /^0::(.*)$/m.exec(read(`${proc}/${pid}/cgroup`) ?? "")?.[1] ?? "";
  const end = path.indexOf(`/${slice}`);
  if (end < 0) return { why: `systemd-run put the process in ${path}` };
  const folder = `${mounted}${path.slice(0, end)}/${slice}`;
  // systemd says nothing when a controller is missing.
  if (read(`${folder}/cpu.weight`) === undefined) return { why: `${folder} has no share of the processor` };
  return { folder };
}

/** Which of the lane's limits of memory hold, read back. */
export function memoryOfSlice({ folder }: Slice, { highBytes, lowBytes, maxBytes }: MemoryLevels): Means[] {
  const asked = [
    ["memory.high", highBytes],
    ["memory.low", lowBytes],
    ["memory.max", maxBytes],
  ] as const;
  return asked.flatMap(([means, bytes]): Means[] => {
    if (bytes === undefined) return [];
    const where = `${folder}/${means}`;
    const held = read(where);
    const applied = held !== undefined && held.trim() !== "max" && Number(held) <= bytes;
    const said = { what: "memory", means, value: String(bytes), applied, where } as const;
    return [applied ? said : { ...said, why: "systemd did not hand the controller memory to the lane" }];
  });
}

/** Empty when all went well, else what it said. */
async function complaintOf(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return code === 0 ? "" : `${command}: ${said.trim() || `it ended with ${code}`}`;
  } catch {
    return `there is no program ${command} here`;
  }
}
