/** Memory: limits of lanes, who is ended first, V8's heap, pressure. */

import { read } from "../../adapters/process/host.ts";
import { memoryLimit } from "./allowance.ts";
import { sizeWords } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { holderOf } from "./holders.ts";
import type { DoctorHost } from "./host.ts";
import { capabilityFinding, holderFinding } from "./processor.ts";

const group = "memory";

/** All findings on memory. */
export function memoryFindings(host: DoctorHost): Finding[] {
  const { platform } = host;
  if (platform !== "linux") {
    const found = `${platform} has neither limits for groups of processes nor oom_score_adj`;
    const fix = "run it on Linux for limits of memory";
    return [{ group, topic: "limits of memory", state: "no", found, fix }, heapFinding(host)];
  }
  return [
    holderFinding(host, group, "limits of memory (memory.max)", "memory"),
    softLimits(host),
    {
      group,
      topic: "who is ended first when memory runs out",
      state: "yes",
      found: "oom_score_adj, by lane",
    },
    heapFinding(host),
    pressureFinding(host),
    capabilityFinding(host, group, "CAP_SYS_RESOURCE", "an oom_score_adj below what it was started with"),
  ];
}

function softLimits(host: DoctorHost): Finding {
  const memory = holderOf(host, "memory");
  const topic = "slowing down and sparing lanes (memory.high, memory.low)";
  if (memory.version === 2) return { group, topic, state: "yes", found: "cgroup v2" };
  if (memory.version === 0) {
    // Said in full one line above.
    return { group, topic, state: "no", found: "as memory.max", fix: memory.fix, minor: true };
  }
  return {
    group,
    topic,
    state: "no",
    found: "cgroup v1 has neither",
    fix: "boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1)",
  };
}

/** Of a process started as this one, that is: with the same NODE_OPTIONS. */
function heapFinding(host: DoctorHost): Finding {
  const { heapLimitBytes, totalMemoryBytes } = host.node;
  const limit = memoryLimit(host);
  const topic = "V8's heap within the memory";
  const held = limit ?? totalMemoryBytes;
  const whose = limit === undefined ? "this machine has" : "the container has";
  const found = `the heap may grow to ${sizeWords(heapLimitBytes)}, ${whose} ${sizeWords(held)}`;
  if (heapLimitBytes <= held) return { group, topic, state: "yes", found };
  const fix = `node --max-old-space-size=${Math.floor((held * 0.75) / 2 ** 20)}`;
  const why = "the process is killed before its garbage is collected";
  return { group, topic, state: "partly", found, why, fix };
}

function pressureFinding({ proc }: DoctorHost): Finding {
  const topic = "pressure (PSI)";
  const kinds = ["cpu", "memory", "io"].filter((kind) => read(`${proc}/pressure/${kind}`) !== undefined);
  if (kinds.length === 3) return { group, topic, state: "yes", found: "of cpu, memory and io" };
  return {
    group,
    topic,
    state: kinds.length === 0 ? "no" : "partly",
    found: kinds.length === 0 ? "the kernel does not tell it" : `of ${kinds.join(" and ")} only`,
    why: "limits that are learned do without it, and what a lane loses is not known",
    fix: "boot with psi=1",
  };
}
