/** What the kernel says of a process, for tests: its lane is read back, not believed. */

import { existsSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";

/** The lane of a process as its files tell it. */
export interface LaneStatus {
  readonly nice: number;
  readonly autogroup: string;
  readonly oomScoreAdj: string;
  readonly cpuGroup: string;
}

/** Reads it. */
export function statusOf(pid: number): LaneStatus {
  const file = (name: string): string => readFileSync(`/proc/${pid}/${name}`, "utf8").trim();
  const group =
    /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(.*)$/m.exec(file("cgroup")) ?? /^0::(.*)$/m.exec(file("cgroup"));
  return {
    nice: getPriority(pid),
    autogroup: existsSync(`/proc/${pid}/autogroup`) ? file("autogroup").replace(/^.*nice /, "") : "none",
    oomScoreAdj: file("oom_score_adj"),
    cpuGroup: group?.[1] ?? "",
  };
}
