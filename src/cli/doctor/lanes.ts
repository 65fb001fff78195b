/** What the lanes that run on this machine now are losing, by the control groups that `laneway run` made for them. */

import { readdirSync } from "node:fs";
import { GROUP_PREFIX, read, SLICE_PREFIX } from "../../adapters/process/host.ts";
import { percentWords } from "./finding.ts";
import { groupMounts, list } from "./host.ts";
import type { DoctorHost } from "./host.ts";

/** One lane's group. Parts are from 0 to 1; undefined is not known. */
export interface LaneLoss {
  readonly lane: string;
  readonly folder: string;
  /** How many processes are in it. */
  readonly processes: number;
  /** The part of the last ten seconds; without pressure: of the time since its processes began in which they could run. */
  readonly processor: number | undefined;
  /** The part of the last ten seconds in which something of it waited for memory; for the disk. */
  readonly memory: number | undefined;
  readonly disk: number | undefined;
  readonly source: "pressure" | "schedstat";
}

/** Hierarchies beyond these are other people's trees. */
const DEEPEST = 8;
const MOST_FOLDERS = 20_000;
const MOST_THREADS = 5_000;

/** All groups of lanes that this process can see, in the order of their folders. */
export function laneLosses(host: DoctorHost): LaneLoss[] {
  if (host.platform !== "linux") return [];
  const { unified, single } = groupMounts(host);
  const mounts = new Set(
    [unified, single.get("cpu"), single.get("memory")].filter((mount) => mount !== undefined),
  );
  const folders = [...mounts].flatMap((mount) => laneFolders(mount));
  const all = folders.map((folder) => lossOf(host, folder)).filter(({ processes }) => processes > 0);
  // A lane with limits of memory has a group in two hierarchies of version 1, with the same processes in both.
  const seen = new Set<string>();
  return all.filter(({ folder }) => {
    const mount = [...mounts].find((each) => folder.startsWith(`${each}/`)) ?? "";
    const inside = folder.slice(mount.length);
    return !seen.has(inside) && seen.add(inside);
  });
}

/** One line on a lane. */
export function lossWords({ lane, processor, memory, disk, source }: LaneLoss): string {
  const parts = [
    ...(processor === undefined ? [] : [`for the processor ${percentWords(processor)} of the time`]),
    ...(memory === undefined ? [] : [`for memory ${percentWords(memory)}`]),
    ...(disk === undefined ? [] : [`for the disk ${percentWords(disk)}`]),
  ];
  if (parts.length === 0) return `${lane}: what it waits for is not known`;
  return `${lane}: waits ${parts.join(", ")}${source === "pressure" ? "" : ", since its processes began"}`;
}

function laneFolders(mount: string): string[] {
  const found: string[] = [];
  let left: string[] = [mount];
  let looked = 0;
  for (let depth = 0; depth < DEEPEST && left.length > 0 && looked < MOST_FOLDERS; depth++) {
    looked += left.length;
    const inner = left.flatMap((folder) =>
      foldersIn(folder).map((name) => ({ name, path: `${folder}/${name}` })),
    );
    for (const { name, path } of inner) if (laneOf(name) !== undefined) found.push(path);
    left = inner.filter(({ name }) => laneOf(name) === undefined).map(({ path }) => path);
  }
  return found.sort();
}

/** The lane of a group that was made for one, by us or by systemd; undefined for any other. */
function laneOf(name: string): string | undefined {
  if (name.startsWith(GROUP_PREFIX)) return name.slice(GROUP_PREFIX.length);
  const slice = /^(.*)\.slice$/.exec(name)?.[1];
  if (slice?.startsWith(SLICE_PREFIX) !== true) return undefined;
  // A hyphen would nest the slice.
  return slice.slice(SLICE_PREFIX.length).replaceAll(String.raw`\x2d`, "-");
}

function lossOf({ proc }: DoctorHost, folder: string): LaneLoss {
  const lane = laneOf(folder.slice(folder.lastIndexOf("/") + 1))!;
  const pids = [folder, ...foldersIn(folder).map((name) => `${folder}/${name}`)].flatMap(pidsIn);
  const pressure = pressureIn(folder, "cpu");
  return {
    lane,
    folder,
    processes: pids.length,
    processor: pressure ?? waitedPart(proc, pids),
    memory: pressureIn(folder, "memory"),
    disk: pressureIn(folder, "io"),
    source: pressure === undefined ? "schedstat" : "pressure",
  };
}

/** The part of the last ten seconds in which something waited. */
function pressureIn(folder: string, kind: "cpu" | "memory" | "io"): number | undefined {
  const found = /^some avg10=(\d+(?:\.\d+)?)/m.exec(read(`${folder}/${kind}.pressure`) ?? "");
  return found === null ? undefined : Number(found[1]) / 100;
}

/** Version 1 has no pressure: how long each thread stood ready without a processor, of the time it ran or stood ready. */
function waitedPart(proc: string, pids: readonly number[]): number | undefined {
  const threads = pids.flatMap((pid) =>
    list(`${proc}/${pid}/task`).map((thread) => `${proc}/${pid}/task/${thread}`),
  );
  let ran = 0;
  let waited = 0;
  for (const thread of threads.slice(0, MOST_THREADS)) {
    const found = /^(\d+) (\d+) /.exec(read(`${thread}/schedstat`) ?? "");
    ran += Number(found?.[1] ?? 0);
    waited += Number(found?.[2] ?? 0);
  }
  return ran + waited === 0 ? undefined : waited / (ran + waited);
}

function pidsIn(folder: string): number[] {
  return (read(`${folder}/cgroup.procs`) ?? "")
    .split("\n")
    .flatMap((line) => (line === "" ? [] : [Number(line)]));
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
  } catch {
    return [];
  }
}
