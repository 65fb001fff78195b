/** `laneway/process`: lanes for whole processes, by what the kernel offers. */

import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { fileURLToPath } from "node:url";
import { invalid } from "../core/errors.ts";
import { currentLane, setProcessLane } from "../node/context.ts";
import { defaultPolicy } from "../policy/policy.ts";
import type { Policy } from "../policy/policy.ts";
import { applyLevels, groupsFor } from "./process/apply.ts";
import { findCommand, LANE_VARIABLE, never, startInLane } from "./process/gate.ts";
import { lookAtHost, read } from "./process/host.ts";
import { removeGroup } from "./process/groups.ts";
import { keepGroups } from "./process/keeper.ts";
import type { Keeper } from "./process/keeper.ts";
import { laneNamed } from "./process/levels.ts";
import type { ProcessLevels } from "./process/levels.ts";
import type { LaneReport } from "./process/means.ts";

export type { LaneReport, Means } from "./process/means.ts";

/** What `setLane` takes beside the lane. */
export interface SetLaneOptions {
  /** The lanes there are, with their `cpu` and `memory`. Default: the five default lanes. */
  readonly policy?: Pick<Policy, "lanes">;
  /** Default: this process. What it has started before keeps its own lane. */
  readonly pid?: number;
  /** Rise where the lane is above what the process has now; it takes rights. Default: false, and the report says so. */
  readonly raise?: boolean;
}

/** What `spawnInLane` takes beside what `child_process.spawn` does. */
export interface SpawnInLaneOptions extends SpawnOptions {
  /** Default: the lane of the running code (`runInLane`), else the policy's default lane. */
  readonly lane?: string | undefined;
  /** The lanes there are, with their `cpu` and `memory`. Default: the five default lanes. */
  readonly policy?: Pick<Policy, "lanes" | "defaultLane">;
}

/** A child process in its lane. */
export type LanedProcess = ChildProcess & {
  /** What was applied and what not, and why; it resolves before the command begins, and never rejects. */
  readonly report: Promise<LaneReport>;
};

/**
 * Puts this process, all of its threads, and what it starts from now on in a lane. Nothing is raised unless asked.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a lane that there is not, or a process that there is not.
 * @example
 * const { means, complete } = await setLane("bulk");
 * if (!complete) console.warn(means.filter(({ applied }) => !applied));
 */
export async function setLane(lane: string, options: SetLaneOptions = {}): Promise<LaneReport> {
  const { policy = defaultPolicy(), pid = process.pid, raise = false } = options;
  const levels = laneNamed("lane", policy.lanes, lane);
  if (!Number.isInteger(pid) || pid < 1) throw invalid("pid", "the id of a process", pid);
  const host = lookAtHost(undefined, pid);
  const stat = read(`/proc/${pid}/stat`);
  if (host.platform === "linux" && stat === undefined) throw invalid("pid", "a process that runs", pid);
  const groups = groupsFor(host, levels, pid);
  // It ends with this process, or when another one that was moved has.
  const keeper = groups.length === 0 ? undefined : keepGroups(groups);
  const report = await applyLevels(pid, levels, host, { ownSession: leadsSession(stat, pid), raise });
  leaveBefore(pid, groups);
  if (keeper !== undefined) held.set(pid, { groups, keeper });
  if (pid === process.pid) {
    process.env[LANE_VARIABLE] = lane;
    setProcessLane(lane);
  }
  return report;
}

/** The groups of processes that were put in a lane by `setLane`; few, and gone with this process. */
const held = new Map<number, { readonly groups: readonly string[]; readonly keeper: Keeper }>();

/** A process that changes its lane leaves its groups empty. */
function leaveBefore(pid: number, groups: readonly string[]): void {
  const before = held.get(pid);
  held.delete(pid);
  if (before === undefined) return;
  for (const group of before.groups) if (!groups.includes(group)) removeGroup(group);
  before.keeper.done();
}

/**
 * `child_process.spawn` in a lane: the command begins only when it stands in it, and `LANEWAY_LANE` says the lane to
 * what it starts. With `detached: true` it leads a session of its own, which is what counts on hosts that share the
 * processor between sessions; without it such a host is told apart in the report.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a lane that there is not, or more than nine entries in `stdio`.
 * @example
 * const child = spawnInLane("npm", ["run", "export"], { lane: "bulk", stdio: "inherit" });
 * console.log(await child.report);
 */
export function spawnInLane(
  command: string,
  args: readonly string[] = [],
  { lane, policy = defaultPolicy(), ...options }: SpawnInLaneOptions = {},
): LanedProcess {
  const levels: ProcessLevels = laneNamed("lane", policy.lanes, lane ?? currentLane() ?? policy.defaultLane);
  if (options.argv0 !== undefined)
    throw invalid("argv0", "nothing: a lane cannot rename a command", options.argv0);
  if (Array.isArray(options.stdio) && options.stdio.length > 9)
    throw invalid("stdio", "at most nine entries", options.stdio);
  const [file, list] = inShell(command, args, options);
  // It fails as the caller of `spawn` expects: with the event `error`.
  if ("code" in findCommand(file, options.env ?? process.env, folderOf(options)))
    return Object.assign(spawn(command, args, options), { report: never() });
  const { child, report } = startInLane(file, list, options, { levels });
  return Object.assign(child, { report });
}

/** `shell` as `child_process.spawn` understands it. */
function inShell(
  command: string,
  args: readonly string[],
  { shell = false }: SpawnOptions,
): [string, readonly string[]] {
  if (shell === false || process.platform === "win32") return [command, args];
  return [shell === true ? "/bin/sh" : shell, ["-c", [command, ...args].join(" ")]];
}

function folderOf({ cwd = process.cwd() }: SpawnOptions): string {
  return typeof cwd === "string" ? cwd : fileURLToPath(cwd);
}

/** The name of a program may hold blanks and brackets; the fields come after the last one. */
function leadsSession(stat: string | undefined, pid: number): boolean {
  const fields = (stat ?? "").slice((stat ?? "").lastIndexOf(")") + 2).split(" ");
  return Number(fields[3]) === pid;
}
