/** What this host offers a process that wants to be in a lane: read from /proc and the mounted control groups. */

import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";

/** A controller of control groups that can be used, and where. */
export interface Controller {
  readonly version: 1 | 2;
  /** Groups are made in here. */
  readonly base: string;
  /** The group of ours in which this process already is. */
  readonly outer: string | undefined;
}

/** Why a controller cannot be used, and what would change that. */
export interface NoController {
  readonly version: 0;
  readonly why: string;
  readonly fix: string;
}

/** A manager to be asked for groups, which nobody else should make in its tree. */
export interface Systemd {
  /** The user's own manager, not that of the machine. */
  readonly user: boolean;
  /** Where cgroup v2 is mounted. */
  readonly mounted: string;
  /** Where processes are. */
  readonly proc: string;
}

/** What there is. */
export interface Host {
  readonly platform: NodeJS.Platform;
  readonly cpu: Controller | NoController;
  readonly memory: Controller | NoController;
  /** Whom the groups belong to, where they do. */
  readonly systemd: Systemd | undefined;
  /** The kernel shares the processor between sessions first, and only inside a session by nice. */
  readonly autogroup: boolean;
}

/** Where the kernel's files are; tests give a folder of their own. */
export interface HostFiles {
  readonly proc: string;
  readonly platform: NodeJS.Platform;
  /** Default: /run. */
  readonly runtime?: string;
  /** Default: this process's user. */
  readonly uid?: number | undefined;
}

/** The files of this machine. */
export const HOST_FILES: HostFiles = { proc: "/proc", platform: process.platform };

/** The names of our groups begin with it. */
export const GROUP_PREFIX = "laneway-";

/** Those of systemd's slices, in which a hyphen means something. */
export const SLICE_PREFIX = "laneway_";

interface Mount {
  readonly root: string;
  readonly folder: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** Looks at the host as the process `pid` finds it. */
export function lookAtHost(files: HostFiles = HOST_FILES, pid: number | "self" = "self"): Host {
  const { proc, platform } = files;
  if (platform !== "linux") {
    const none = {
      version: 0,
      why: `${platform} has no control groups`,
      fix: "run it on Linux for shares of the processor",
    } as const;
    return { platform, cpu: none, memory: none, systemd: undefined, autogroup: false };
  }
  const mounts = mountsOf(read(`${proc}/self/mountinfo`) ?? "");
  const groups = read(`${proc}/${pid}/cgroup`) ?? "";
  return {
    platform,
    cpu: controller("cpu", mounts, groups),
    memory: controller("memory", mounts, groups),
    systemd: systemdOf(files, mounts, groups),
    autogroup: read(`${proc}/sys/kernel/sched_autogroup_enabled`)?.trim() === "1",
  };
}

/**
 * The machine's manager for root; for others their own where it holds this process. From elsewhere, a session of ssh say,
 * their own would give the job a whole share beside that session, which is more than nice gives it inside.
 */
function systemdOf(
  { proc, runtime = "/run", uid = process.getuid?.() }: HostFiles,
  mounts: readonly Mount[],
  groups: string,
): Systemd | undefined {
  const unified = mounts.find(({ type }) => type === "cgroup2");
  const controllers = unified === undefined ? "" : (read(`${unified.folder}/cgroup.controllers`) ?? "");
  if (unified === undefined || !controllers.split(/\s/).includes("cpu")) return undefined;
  if (!existsSync(`${runtime}/systemd/system`)) return undefined;
  const own = /^0::(.*)$/m.exec(groups)?.[1] ?? "";
  if (uid === 0) return { user: false, mounted: unified.folder, proc };
  return own.includes(`/user@${uid}.service/`) ? { user: true, mounted: unified.folder, proc } : undefined;
}

function controller(name: string, mounts: readonly Mount[], groups: string): Controller | NoController {
  const unified = mounts.find(({ type }) => type === "cgroup2");
  if (unified !== undefined) {
    const own = ownFolder(unified, /^0::(.*)$/m.exec(groups)?.[1]);
    const listed = read(`${unified.folder}/cgroup.controllers`) ?? "";
    if (listed.split(/\s/).includes(name)) return usable(unifiedBase(name, unified.folder, own));
  }
  const single = mounts.find(({ type, options }) => type === "cgroup" && options.includes(name));
  if (single !== undefined) {
    const own = ownFolder(
      single,
      new RegExp(`^\\d+:(?:[^:]*,)?${name}(?:,[^:]*)?:(.*)$`, "m").exec(groups)?.[1],
    );
    return usable({ version: 1, ...outerOf(own, single.folder) });
  }
  return {
    version: 0,
    why: `no control groups with the controller ${name} are mounted`,
    fix: `boot with cgroup v2, or give the container its own cgroup namespace with ${name} delegated`,
  };
}

/**
 * Processes and subgroups with a controller exclude each other below the root, so the lane's group is made beside the one
 * that this process is in.
 */
function unifiedBase(name: string, mounted: string, own: string): Controller | NoController {
  const { base: place, outer } = outerOf(own, mounted);
  // Only the root of the machine has no type.
  const isRoot = place === mounted && read(`${place}/cgroup.type`) === undefined;
  if (place === mounted && !isRoot) {
    return {
      version: 0,
      why: `the processes of this container are in its root group, ${mounted}, beside which no group can be made`,
      fix: "let the container's entry move itself to a group of its own before it starts anything",
    };
  }
  const base = outer !== undefined || isRoot ? place : posix.dirname(place);
  const below = read(`${base}/cgroup.subtree_control`) ?? "";
  if (below.split(/\s/).includes(name) || isWritable(`${base}/cgroup.subtree_control`))
    return { version: 2, base, outer };
  return {
    version: 0,
    why: `${base} does not hand the controller ${name} to its groups`,
    fix: `as root: echo +${name} > ${base}/cgroup.subtree_control`,
  };
}

/** A lane inside a lane is made beside it: the outer one is what a process of the inner one must not rise above. */
function outerOf(own: string, mounted: string): { base: string; outer: string | undefined } {
  const parts = own.slice(mounted.length).split("/");
  const at = parts.findIndex((part) => part.startsWith(GROUP_PREFIX) || part.startsWith(SLICE_PREFIX));
  if (at < 0) return { base: own, outer: undefined };
  const upTo = (end: number): string => mounted + parts.slice(0, end).join("/");
  return { base: upTo(at), outer: upTo(at + 1) };
}

function usable(found: Controller | NoController): Controller | NoController {
  if (found.version === 0 || isWritable(found.base)) return found;
  return {
    version: 0,
    why: `this user may not make a control group in ${found.base}`,
    fix:
      found.version === 2
        ? "run it under a systemd user session that delegates, or as root"
        : "run it as root, or use cgroup v2 with delegation",
  };
}

function ownFolder({ root, folder }: Mount, path: string = "/"): string {
  const inside = path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : path;
  const below = root === "/" ? path : inside === path ? "" : inside;
  return posix.join(folder, below).replace(/\/$/, "");
}

function mountsOf(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , root, folder] = left.split(" ");
    const [type, , options = ""] = right.split(" ");
    if (root === undefined || folder === undefined || type === undefined) return [];
    return [{ root: plain(root), folder: plain(folder), type, options: options.split(",") }];
  });
}

/** Blanks and the like stand as octal numbers there. */
function plain(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_whole, octal: string) =>
    String.fromCodePoint(Number.parseInt(octal, 8)),
  );
}

/** The text of a file of the kernel, undefined when it cannot be read. */
export function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
