/**
 * Puts a process in its lane by the best means that the host allows: a control group, else the nice of its session and its
 * own. Everything is done from outside, so that each refusal is known with its reason.
 */

import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { enter, hasShare, isRaise, laneGroup, removeGroup, runGroup, setMemory, setShare } from "./groups.ts";
import { read } from "./host.ts";
import type { Host } from "./host.ts";
import type { ProcessLevels } from "./levels.ts";
import { errorWords } from "./means.ts";
import type { LaneReport, Means } from "./means.ts";

/** How a process stands to the one that puts it in a lane. */
export interface Standing {
  /** The process leads a session of its own: what is set for the session is set for nobody else. */
  readonly ownSession: boolean;
  /** Rise where the process may, too. */
  readonly raise: boolean;
}

/** The kernel lets others than root write this ten times a second, all together. */
const AUTOGROUP_EVERY_MS = 110;
const AUTOGROUP_TRIES = 3;

const IONICE = "ionice";

const RAISE = {
  why: "it would rise above what it is in now",
  fix: "ask for raise, and have the right to",
} as const;

/** The groups that `applyLevels` may make for this process. */
export function groupsFor({ cpu, memory }: Host, levels: ProcessLevels, pid: number): string[] {
  const wanted = [hasShare(levels) ? cpu : undefined, hasLimits(levels) ? memory : undefined];
  return [
    ...new Set(
      wanted.flatMap((each) =>
        each === undefined || each.version === 0 ? [] : [runGroup(each, levels.lane, pid)],
      ),
    ),
  ];
}

/** Does what can be done for `pid`, and tells of each thing whether it was. It never rejects. */
export async function applyLevels(
  pid: number,
  levels: ProcessLevels,
  host: Host,
  standing: Standing,
): Promise<LaneReport> {
  if (host.platform !== "linux") return reported(levels.lane, pid, [elsewhere(pid, levels, host)]);
  const share = shareOf(pid, levels, host, standing);
  const inGroup = share?.applied === true;
  // Inside a group of its own the lane's sessions count for nothing.
  const session = inGroup ? undefined : await autogroup(pid, levels, host, standing);
  const nice = niceOf(pid, levels, standing);
  const heard = nice.applied && session?.applied !== false && levels.nice > 0;
  const means = [
    ...(share === undefined ? [] : [{ ...share, covered: !inGroup && heard }]),
    ...(session === undefined ? [] : [session]),
    { ...nice, covered: nice.covered === true || (!nice.applied && inGroup) },
    ...ioOf(pid, levels, nice.applied),
    oomOf(pid, levels, standing),
    ...limitsOf(pid, levels, host),
  ];
  return reported(levels.lane, pid, means);
}

function reported(lane: string, pid: number, means: readonly Means[]): LaneReport {
  const complete = means.every(({ applied, covered }) => applied || covered === true);
  return { lane, pid, means, complete };
}

function shareOf(pid: number, levels: ProcessLevels, host: Host, { raise }: Standing): Means | undefined {
  const { cpu } = host;
  const { lane, weight } = levels;
  const asked = { what: "cpu", means: "control group", value: weightWords(weight) } as const;
  if (cpu.version !== 0 && !raise && isRaise(cpu, levels)) return { ...asked, applied: false, ...RAISE };
  if (!hasShare(levels) && (cpu.version === 0 || cpu.outer === undefined)) return undefined;
  if (cpu.version === 0) return { ...asked, applied: false, why: cpu.why, fix: cpu.fix };
  try {
    enter(cpu, "cpu", lane, pid, () => setShare(cpu, levels));
    return { ...asked, applied: true, where: `${laneGroup(cpu, lane)} (v${cpu.version})` };
  } catch (error) {
    removeGroup(runGroup(cpu, lane, pid));
    return { ...asked, applied: false, ...errorWords(error) };
  }
}

function weightWords(weight: number | "idle"): string {
  return weight === "idle" ? "idle: only what nobody else needs" : `weight ${weight} beside others' 100`;
}

async function autogroup(
  pid: number,
  { nice }: ProcessLevels,
  host: Host,
  { ownSession, raise }: Standing,
): Promise<Means | undefined> {
  if (!host.autogroup) return undefined;
  const file = `/proc/${pid}/autogroup`;
  const held = Number(/nice (-?\d+)/.exec(read(file) ?? "")?.[1] ?? 0);
  if (held === nice) return undefined;
  const asked = { what: "cpu", means: "autogroup", value: `nice ${nice} for the session` } as const;
  if (nice < held && nice >= 0 && !raise) return { ...asked, applied: false, covered: true, ...RAISE };
  if (!ownSession) {
    const why = "it shares its session with others, and between sessions its nice counts for nothing";
    return { ...asked, applied: false, why, fix: "start it in a session of its own (detached: true)" };
  }
  for (let tried = 1; ; tried++) {
    try {
      writeFileSync(file, String(nice));
      return { ...asked, applied: true, where: file };
    } catch (error) {
      const again = error instanceof Error && "code" in error && error.code === "EAGAIN";
      if (!again || tried === AUTOGROUP_TRIES) return { ...asked, applied: false, ...errorWords(error) };
    }
    await delay(AUTOGROUP_EVERY_MS);
  }
}

function niceOf(pid: number, { nice }: ProcessLevels, { raise }: Standing): Means {
  const asked = { what: "cpu", means: "nice", value: String(nice) } as const;
  try {
    const held = getPriority(pid);
    if (nice < held && nice >= 0 && !raise)
      return {
        ...asked,
        applied: false,
        covered: true,
        why: `it is at ${held}, and ${RAISE.why}`,
        fix: RAISE.fix,
      };
    // On Linux each thread has its own.
    for (const thread of threadsOf(pid)) if (getPriority(thread) !== nice) setPriority(thread, nice);
    return { ...asked, applied: true };
  } catch (error) {
    return { ...asked, applied: false, ...errorWords(causeOf(error)) };
  }
}

function ioOf(pid: number, { io }: ProcessLevels, niced: boolean): Means[] {
  // Without a class of its own a process has the disk by its nice.
  if (io !== "idle") return [];
  const asked = { what: "io", means: "ionice", value: "idle" } as const;
  const ended = spawnSync(IONICE, ["-c", "3", "-p", ...threadsOf(pid).map(String)], {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  if (ended.status === 0) return [{ ...asked, applied: true }];
  const missing = ended.error !== undefined;
  return [
    {
      ...asked,
      applied: false,
      covered: niced,
      why: missing ? "there is no program ionice here; the kernel goes by the nice" : ended.stderr.trim(),
      fix: missing ? "install util-linux" : undefined,
    },
  ];
}

function oomOf(pid: number, { oomScoreAdj }: ProcessLevels, { raise }: Standing): Means {
  const asked = { what: "memory", means: "oom_score_adj", value: String(oomScoreAdj) } as const;
  const file = `/proc/${pid}/oom_score_adj`;
  const held = Number(read(file) ?? Number.NaN);
  if (oomScoreAdj < held && oomScoreAdj >= 0 && !raise)
    return {
      ...asked,
      applied: false,
      covered: true,
      why: `it is at ${held}, and ${RAISE.why}`,
      fix: RAISE.fix,
    };
  try {
    if (oomScoreAdj !== held) writeFileSync(file, String(oomScoreAdj));
    return { ...asked, applied: true, where: file };
  } catch (error) {
    return { ...asked, applied: false, ...errorWords(error) };
  }
}

function limitsOf(pid: number, levels: ProcessLevels, { memory }: Host): Means[] {
  if (!hasLimits(levels)) return [];
  try {
    if (memory.version !== 0)
      return enter(memory, "memory", levels.lane, pid, () => setMemory(memory, levels));
  } catch (error) {
    if (memory.version !== 0) removeGroup(runGroup(memory, levels.lane, pid));
    return [{ what: "memory", means: "control group", value: "", applied: false, ...errorWords(error) }];
  }
  return [
    { what: "memory", means: "control group", value: "", applied: false, why: memory.why, fix: memory.fix },
  ];
}

function hasLimits({ memory }: ProcessLevels): boolean {
  return Object.values(memory).some((bytes) => bytes !== undefined);
}

/** macOS has a nice of its own, Windows classes that come near. */
function elsewhere(pid: number, { nice }: ProcessLevels, { platform }: Host): Means {
  const why = `${platform} has neither control groups nor oom_score_adj: the disk and memory are not held`;
  try {
    setPriority(pid, nice);
    return { what: "cpu", means: "nice", value: String(nice), applied: true, why };
  } catch (error) {
    return { what: "cpu", means: "nice", value: String(nice), applied: false, ...errorWords(causeOf(error)) };
  }
}

/** A process that has just ended has none. */
function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [pid];
  }
}

/** `os.setPriority` keeps the code of its error in `info`. */
function causeOf(error: unknown): unknown {
  if (!(error instanceof Error) || !("info" in error)) return error;
  return Object.assign(new Error(error.message), { code: (error.info as { code?: string }).code });
}
