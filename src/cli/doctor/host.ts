/** What the checks look at. All of it is behind one small port, so that a test can hand in another machine. */

import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { Socket } from "node:net";
import { availableParallelism, totalmem } from "node:os";
import { delimiter, join, posix } from "node:path";
import { getHeapStatistics } from "node:v8";
import { HOST_FILES, read } from "../../adapters/process/host.ts";
import type { HostFiles } from "../../adapters/process/host.ts";

/** What this Node says of itself. */
export interface NodeFacts {
  readonly version: string;
  /** Sockets can be given a mark. */
  readonly canMark: boolean;
  readonly parallelism: number;
  readonly heapLimitBytes: number;
  readonly totalMemoryBytes: number;
}

/** A machine as the checks see it. */
export interface DoctorHost extends HostFiles {
  /** Where `/sys` is. */
  readonly sys: string;
  /** Where the program is whose packages are looked at. */
  readonly cwd: string;
  readonly node: NodeFacts;
  /** Whether there is such a program. */
  has(program: string): boolean;
  /** What a program prints; undefined when it is not there, fails, or takes too long. */
  run(program: string, args: readonly string[]): string | undefined;
}

/** A control group that this process is in: its folder and those around it that can be seen, the innermost first. */
export type GroupFolders = readonly string[];

const COMMAND_TIMEOUT_MS = 3_000;
// Programs for root often stand where a user's PATH does not lead.
const MORE_PLACES = ["/usr/sbin", "/sbin"];

/** This machine. */
export function thisHost(): DoctorHost {
  const places = [...(process.env["PATH"] ?? "").split(delimiter), ...MORE_PLACES];
  const find = (program: string): string | undefined =>
    places.map((place) => join(place, program)).find(isExecutable);
  return {
    ...HOST_FILES,
    sys: "/sys",
    cwd: process.cwd(),
    node: {
      version: process.versions.node,
      canMark: "setTypeOfService" in Socket.prototype,
      parallelism: availableParallelism(),
      heapLimitBytes: getHeapStatistics().heap_size_limit,
      totalMemoryBytes: totalmem(),
    },
    has: (program) => find(program) !== undefined,
    run(program, args) {
      const file = find(program);
      if (file === undefined) return undefined;
      const { status, stdout } = spawnSync(file, args, {
        encoding: "utf8",
        timeout: COMMAND_TIMEOUT_MS,
        stdio: ["ignore", "pipe", "ignore"],
      });
      return status === 0 ? stdout : undefined;
    },
  };
}

/** The bits of the effective capabilities that matter. */
const CAPABILITIES = { CAP_NET_ADMIN: 12n, CAP_SYS_NICE: 23n, CAP_SYS_RESOURCE: 24n } as const;

/** The name of a capability that matters. */
export type Capability = keyof typeof CAPABILITIES;

/** Whether the process that looks has a capability. */
export function hasCapability({ proc }: Pick<HostFiles, "proc">, name: Capability): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(read(`${proc}/self/status`) ?? "")?.[1] ?? "0";
  return ((BigInt(`0x${mask}`) >> CAPABILITIES[name]) & 1n) === 1n;
}

/** How the control groups are mounted. */
export interface GroupMounts {
  /** `hybrid`: v1 has the controllers, and v2 is mounted beside it without any. */
  readonly mode: "v2" | "v1" | "hybrid" | "none";
  readonly unified: string | undefined;
  /** None of them can be written. */
  readonly readOnly: boolean;
  /** Version 1, by controller. */
  readonly single: ReadonlyMap<string, string>;
  /** Where this process is: the folders of its group for a controller. */
  own(controller: string): { readonly version: 1 | 2; readonly folders: GroupFolders } | undefined;
}

/** Of a line: the root, the folder, the flags of this mount, the type, the options of the file system. */
const MOUNT = /^\S+ \S+ \S+ (\S+) (\S+) (\S+).*? - (cgroup2?) \S+ (\S+)$/gm;

/** Reads them from the mounts of the process that looks. */
export function groupMounts({ proc }: Pick<HostFiles, "proc">): GroupMounts {
  const text = read(`${proc}/self/mountinfo`) ?? "";
  const member = read(`${proc}/self/cgroup`) ?? "";
  const mounts = [...text.matchAll(MOUNT)].map(
    ([, root = "/", folder = "", flags = "", type, options = ""]) => ({
      root,
      folder,
      isReadOnly: flags.split(",").includes("ro"),
      type,
      options: options.split(","),
    }),
  );
  const unified = mounts.find(({ type }) => type === "cgroup2");
  const singles = mounts.filter(({ type }) => type === "cgroup");
  const single = new Map(singles.flatMap(({ folder, options }) => options.map((option) => [option, folder])));
  const controllers = unified === undefined ? "" : (read(`${unified.folder}/cgroup.controllers`) ?? "");
  const named = single.has("cpu") || single.has("memory");
  return {
    mode: unified === undefined ? (named ? "v1" : "none") : named ? "hybrid" : "v2",
    unified: unified?.folder,
    single,
    readOnly: mounts.length > 0 && mounts.every(({ isReadOnly }) => isReadOnly),
    own(controller) {
      if (unified !== undefined && controllers.split(/\s/).includes(controller)) {
        const path = /^0::(.*)$/m.exec(member)?.[1];
        return { version: 2, folders: foldersOf(unified.folder, unified.root, path) };
      }
      const mount = singles.find(({ options }) => options.includes(controller));
      if (mount === undefined) return undefined;
      const path = new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`, "m").exec(member)?.[1];
      return { version: 1, folders: foldersOf(mount.folder, mount.root, path) };
    },
  };
}

/** A container sees its own group as the root of the mount, whatever its path is outside. */
function foldersOf(mounted: string, root: string, path: string = "/"): GroupFolders {
  const inside =
    path === root ? "/" : path.startsWith(`${root}/`) ? path.slice(root.length) : root === "/" ? path : "/";
  const folders: string[] = [];
  for (let at = inside; ; at = posix.dirname(at)) {
    folders.push(posix.join(mounted, at).replace(/\/$/, ""));
    if (at === "/" || at === ".") return folders;
  }
}

/** The names in a folder; none when it cannot be read. */
export function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return existsSync(file);
  } catch {
    return false;
  }
}
