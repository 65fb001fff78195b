/** What the policy asks of this host, and whether the host can do it. */

import { lookAtHost } from "../../adapters/process/host.ts";
import type { HostFiles } from "../../adapters/process/host.ts";
import type { Policy, PolicyLane } from "../../policy/policy.ts";
import { hasCapability } from "./host-checks.ts";
import type { Finding } from "./host-checks.ts";

/** One line for each thing that a lane asks for and will not get. What is only a default asks for nothing. */
export function policyFindings({ lanes }: Pick<Policy, "lanes">, files: HostFiles): Finding[] {
  return lanes.flatMap((lane) => [...processorFindings(lane, files), ...memoryFindings(lane, files)]);
}

function processorFindings({ name, cpu }: PolicyLane, files: HostFiles): Finding[] {
  const { cpu: controller, platform } = lookAtHost(files);
  const { nice = 0, weight } = cpu ?? {};
  const problems: Finding[] = [];
  // A lower share is made up for by nice; a higher one by nothing.
  if (typeof weight === "number" && controller.version === 0 && (weight >= 100 || platform !== "linux"))
    problems.push(problem(name, `cpu.weight: ${weight}`, controller.why, controller.fix));
  if (nice < 0 && platform === "linux" && !hasCapability(files, "CAP_SYS_NICE"))
    problems.push(
      problem(name, `cpu.nice: ${nice}`, "CAP_SYS_NICE is missing", "give CAP_SYS_NICE, or use weight"),
    );
  return problems;
}

function memoryFindings({ name, memory }: PolicyLane, files: HostFiles): Finding[] {
  const { memory: controller } = lookAtHost(files);
  const { highBytes, lowBytes, maxBytes, oomScoreAdj = 0 } = memory ?? {};
  const problems = (
    [
      ["memory.high", highBytes, 2],
      ["memory.low", lowBytes, 2],
      ["memory.max", maxBytes, 1],
    ] as const
  ).flatMap(([field, bytes, least]) => {
    if (bytes === undefined || controller.version >= least) return [];
    return controller.version === 0
      ? [problem(name, field, controller.why, controller.fix)]
      : [problem(name, field, `cgroup v1 has no ${field}`, "boot with cgroup v2, or use memory.max")];
  });
  if (oomScoreAdj < 0 && !hasCapability(files, "CAP_SYS_RESOURCE"))
    problems.push(
      problem(
        name,
        `memory.oomScoreAdj: ${oomScoreAdj}`,
        "CAP_SYS_RESOURCE is missing",
        "give it, or raise the value of the other lanes instead",
      ),
    );
  return problems;
}

function problem(lane: string, field: string, why: string, fix: string): Finding {
  return { topic: `lane ${lane}, ${field}`, state: "problem", found: why, fix };
}
