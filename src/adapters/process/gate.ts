/**
 * A command that begins only when it stands in its lane: a shell waits in its place for one line, everything is done to
 * that shell from outside, and then it becomes the command. Nothing of the command runs before.
 */

import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions, StdioOptions } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import type { Writable } from "node:stream";
import { applyLevels, groupsFor } from "./apply.ts";
import { removeGroup } from "./groups.ts";
import { lookAtHost } from "./host.ts";
import { keepGroups } from "./keeper.ts";
import type { ProcessLevels } from "./levels.ts";
import type { LaneReport } from "./means.ts";

/** A started command. */
export interface Started {
  readonly child: ChildProcess;
  /** Resolves before the command begins. */
  readonly report: Promise<LaneReport>;
}

/** What decides how a command starts. */
export interface StartOptions {
  readonly levels: ProcessLevels;
  readonly raise?: boolean;
  /** False: the command never begins. Default: it always does. */
  readonly mayBegin?: (report: LaneReport) => boolean;
}

/** The environment variable that says the lane to whatever the command starts. */
export const LANE_VARIABLE = "LANEWAY_LANE";

/** The exit code of a shell whose parent died before it said go. */
const GIVEN_UP = 125;
/** A shell names descriptors by one digit. */
const GATE_MAX = 9;

/** Where a command is; or why it cannot be started: 127 it is not there, 126 it cannot be executed. */
export function findCommand(
  command: string,
  env: NodeJS.ProcessEnv,
  cwd: string,
): { readonly file: string } | { readonly code: 126 | 127 } {
  const places = command.includes("/")
    ? [resolve(cwd, command)]
    : (env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")
        .split(delimiter)
        .map((path) => resolve(cwd, path, command));
  let code: 126 | 127 = 127;
  for (const file of command === "" ? [] : places) {
    try {
      if (!statSync(file).isFile()) throw new Error("a folder");
      accessSync(file, constants.X_OK);
      return { file };
    } catch (error) {
      // A file that is there and cannot be executed is another mistake than one that is not there.
      if (!(error instanceof Error && "code" in error && /^(?:ENOENT|ENOTDIR)$/.test(String(error.code))))
        code = 126;
    }
  }
  return { code };
}

/** Starts the command in its lane; its process id is that of the command. */
export function startInLane(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
  start: StartOptions,
): Started {
  const host = lookAtHost();
  const env = { ...(options.env ?? process.env), [LANE_VARIABLE]: start.levels.lane };
  const standing = { ownSession: options.detached === true, raise: start.raise === true };
  if (host.platform !== "linux") {
    const child = spawn(command, args, { ...options, env });
    return {
      child,
      report: child.pid === undefined ? never() : applyLevels(child.pid, start.levels, host, standing),
    };
  }
  const stdio = stdioList(options.stdio);
  const gate = stdio.length;
  if (gate > GATE_MAX) throw new RangeError(`stdio: expected at most ${GATE_MAX} entries, found ${gate}`);
  const script = `read -r go <&${gate} || exit ${GIVEN_UP}; exec ${gate}<&-; exec "$@"`;
  const name = command.startsWith("-") ? `./${command}` : command;
  const child = spawn("/bin/sh", ["-c", script, "sh", name, ...args], {
    ...options,
    shell: false,
    env,
    stdio: [...stdio, "pipe"],
  });
  if (child.pid === undefined) return { child, report: never() };
  return { child, report: open(child, child.pid, child.stdio[gate] as Writable, host, start, standing) };
}

async function open(
  child: ChildProcess,
  pid: number,
  gate: Writable,
  host: ReturnType<typeof lookAtHost>,
  { levels, mayBegin = () => true }: StartOptions,
  standing: { readonly ownSession: boolean; readonly raise: boolean },
): Promise<LaneReport> {
  gate.on("error", () => {
    // The shell was ended before it began.
  });
  const groups = groupsFor(host, levels, pid);
  const keeper = groups.length === 0 ? undefined : keepGroups(groups);
  const ended = (): void => {
    const removed = groups.map(removeGroup);
    // Something that the command started lives on: the keeper waits for its end.
    if (removed.every(Boolean)) keeper?.done();
    else keeper?.leave();
  };
  child.once("exit", ended);
  const report = await applyLevels(pid, levels, host, standing);
  if (mayBegin(report)) gate.end("go\n");
  else gate.destroy();
  // It may have ended, and its groups been removed, while they were still being made.
  if (child.exitCode !== null || child.signalCode !== null) ended();
  return report;
}

/** A command that could not be started says so itself. */
export function never(): Promise<LaneReport> {
  return new Promise(() => {
    // Nothing to report.
  });
}

type StdioEntry = Exclude<StdioOptions, string>[number];

function stdioList(stdio: StdioOptions | undefined): StdioEntry[] {
  if (!Array.isArray(stdio)) return Array.from({ length: 3 }, () => (stdio ?? "pipe") as StdioEntry);
  return [...stdio, ...Array.from({ length: Math.max(0, 3 - stdio.length) }, () => "pipe" as const)];
}
