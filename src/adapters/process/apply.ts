/**
 * Puts a process in its lane by the best means that the host allows: a control group, else the nice of its session and its
 * own. Everything is done from outside, so that each refusal is known with its reason.
 */

import { writeFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { diskOfSlice, idleDisk, setDiskWeight, threadsOf } from "./disk.ts";
import {
  enter,
  isRaise,
  laneGroup,
  needsGroup,
  removeGroup,
  runGroup,
  setMemory,
  setShare,
} from "./groups.ts";
import { read } from "./host.ts";
import type { Host } from "./host.ts";
import type { ProcessLevels } from "./levels.ts";
import { errorWords } from "./means.ts";
import type { LaneReport, Means } from "./means.ts";
import { enterSlice, memoryOfSlice } from "./systemd.ts";
import type { Slice } from "./systemd.ts";

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

const RAISE = {
  why: "it would rise above what it is in now",
  fix: "ask for raise, and have the right to",
} as const;

/** The groups that `applyLevels` may make for this process. */
export function groupsFor({ cpu, memory }: Host, levels: ProcessLevels, pid: number): string[] {
  const wanted = [needsGroup(cpu, levels) ? cpu : undefined, hasLimits(levels) ? memory : undefined];
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
  // Moving a process to a group takes the kernel some 15 ms, and a program of its own 5: all of it goes on at once.
  const moved = placeOf(pid, levels, host, standing);
  const nice = niceOf(pid, levels, standing);
  const oom = oomOf(pid, levels, standing);
  const idle = idleDisk(pid, levels, nice.applied);
  const { share, disk, slice } = await moved;
  const inGroup = share?.applied === true;
  // Inside a group of its own the lane's sessions count for nothing.
  const session = inGroup ? undefined : await autogroup(pid, levels, host, standing);
  const heard = nice.applied && session?.applied !== false && levels.nice > 0;
  const means = [
    ...(share === undefined ? [] : [{ ...share, covered: !inGroup && heard }]),
    ...(session === undefined ? [] : [session]),
    { ...nice, covered: nice.covered === true || (!nice.applied && inGroup) },
    ...(disk === undefined ? [] : [disk]),
    ...(await idle),
    oom,
    ...(slice === undefined ? await limitsOf(pid, levels, host) : memoryOfSlice(slice, levels.memory)),
  ];
  return reported(levels.lane, pid, means);
}

function reported(lane: string, pid: number, means: readonly Means[]): LaneReport {
  const complete = means.every(({ applied, covered }) => applied || covered === true);
  return { lane, pid, means, complete };
}

/** What became of the lane's group. */
interface Placed {
  readonly share?: Means;
  readonly disk?: Means | undefined;
  readonly slice?: Slice;
}

async function placeOf(pid: number, levels: ProcessLevels, host: Host, { raise }: Standing): Promise<Placed> {
  const { cpu, systemd } = host;
  const { lane, weight } = levels;
  const asked = { what: "cpu", means: "control group", value: weightWords(weight) } as const;
  const wanted = needsGroup(cpu, levels);
  if (cpu.version !== 0 && !raise && isRaise(cpu, levels))
    return { share: { ...asked, applied: false, ...RAISE } };
  let refusal = "";
  if (systemd !== undefined && (wanted || hasLimits(levels))) {
    const slice = await enterSlice(pid, levels, systemd);
    if ("folder" in slice) {
      const share = { ...asked, applied: true, where: `${slice.folder} (systemd)` } as const;
      return wanted ? { share, disk: diskOfSlice(slice.folder, levels), slice } : { slice };
    }
    refusal = `; ${slice.why}`;
  }
  if (!wanted) return {};
  if (cpu.version === 0)
    return { share: { ...asked, applied: false, why: `${cpu.why}${refusal}`, fix: cpu.fix } };
  try {
    const disk = await enter(cpu, "cpu", lane, pid, () => {
      setShare(cpu, levels);
      return setDiskWeight(cpu, levels);
    });
    return { share: { ...asked, applied: true, where: `${laneGroup(cpu, lane)} (v${cpu.version})` }, disk };
  } catch (error) {
    removeGroup(runGroup(cpu, lane, pid));
    return { share: { ...asked, applied: false, ...errorWords(error) } };
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

async function limitsOf(pid: number, levels: ProcessLevels, { memory }: Host): Promise<Means[]> {
  if (!hasLimits(levels)) return [];
  try {
    if (memory.version !== 0)
      return await enter(memory, "memory", levels.lane, pid, () => setMemory(memory, levels));
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

/** `os.setPriority` keeps the code of its error in `info`. */
function causeOf(error: unknown): unknown {
  if (!(error instanceof Error) || !("info" in error)) return error;
  return Object.assign(new Error(error.message), { code: (error.info as { code?: string }).code });
}
