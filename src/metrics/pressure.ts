/** How long the kernel says that this process' container has waited for processor, memory or disk (PSI). */

import { readFileSync } from "node:fs";
import { counter } from "./family.ts";
import type { NumberFamily, Sample } from "./family.ts";

const SOURCES = ["cpu", "memory", "io"] as const;
const US_PER_S = 1e6;

/** `root`: the folder of the control group. Without its files, an older kernel or another system, nothing is known. */
export function pressureFamily(root: string = "/sys/fs/cgroup"): NumberFamily {
  return counter(
    "laneway_pressure_seconds_total",
    "Time in which some or all of the container waited for a resource of the host.",
    SOURCES.flatMap((source) => totals(`${root}/${source}.pressure`, source)),
  );
}

function totals(path: string, source: string): Sample[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  return [...text.matchAll(/^(some|full) .*\btotal=(\d+)$/gm)].map(([, who, total]) => ({
    labels: { source, who: who! },
    value: Number(total) / US_PER_S,
  }));
}
