/** What the control groups around this process leave to it: processors and bytes. */

import { read } from "../../adapters/process/host.ts";
import { groupMounts } from "./host.ts";
import type { DoctorHost } from "./host.ts";

/** A quota of processor time. */
export interface ProcessorAllowance {
  /** In processors: 1.5 is one and a half. */
  readonly processors: number;
  /** The part of the periods in which the quota was used up and everything stood; undefined when none has passed. */
  readonly stopped: number | undefined;
}

/** The tightest quota; undefined without one. */
export function processorAllowance(host: DoctorHost): ProcessorAllowance | undefined {
  const own = groupMounts(host).own("cpu");
  if (own === undefined) return undefined;
  let least: { processors: number; folder: string } | undefined;
  for (const folder of own.folders) {
    const processors = own.version === 2 ? unifiedQuota(folder) : singleQuota(folder);
    if (processors !== undefined && processors < (least?.processors ?? Infinity))
      least = { processors, folder };
  }
  if (least === undefined) return undefined;
  const stat = read(`${least.folder}/cpu.stat`) ?? "";
  const periods = Number(/^nr_periods (\d+)$/m.exec(stat)?.[1] ?? 0);
  const throttled = Number(/^nr_throttled (\d+)$/m.exec(stat)?.[1] ?? 0);
  return { processors: least.processors, stopped: periods === 0 ? undefined : throttled / periods };
}

function unifiedQuota(folder: string): number | undefined {
  const found = /^(\d+) (\d+)/.exec(read(`${folder}/cpu.max`) ?? "");
  return found === null ? undefined : Number(found[1]) / Number(found[2]);
}

function singleQuota(folder: string): number | undefined {
  const quota = Number(read(`${folder}/cpu.cfs_quota_us`) ?? -1);
  return quota > 0 ? quota / Number(read(`${folder}/cpu.cfs_period_us`) ?? 100_000) : undefined;
}

/** The tightest limit of memory around this process, in bytes; undefined without one. */
export function memoryLimit(host: DoctorHost): number | undefined {
  const own = groupMounts(host).own("memory");
  if (own === undefined) return undefined;
  const file = own.version === 2 ? "memory.max" : "memory.limit_in_bytes";
  const limits = own.folders.map((folder) => Number(read(`${folder}/${file}`) ?? Number.NaN));
  const least = Math.min(...limits.filter((limit) => limit > 0));
  // Version 1 writes a number beyond all memory for none.
  return least < host.node.totalMemoryBytes ? least : undefined;
}
