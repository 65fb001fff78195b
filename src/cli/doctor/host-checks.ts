/** What this host can enforce on processes, one line for each thing. */

import { existsSync } from "node:fs";
import { delimiter } from "node:path";
import { lookAtHost, read } from "../../adapters/process/host.ts";
import type { Controller, Host, HostFiles, NoController } from "../../adapters/process/host.ts";

/** One line of `laneway doctor`. */
export interface Finding {
  readonly topic: string;
  /** `no`: the host cannot; `partly`: something else makes up for some of it; `problem`: the policy asks for it in vain. */
  readonly state: "yes" | "partly" | "no" | "problem";
  readonly found: string;
  readonly fix?: string | undefined;
}

/** The bits of the effective capabilities that matter. */
const CAPABILITIES = { CAP_SYS_NICE: 23n, CAP_SYS_RESOURCE: 24n } as const;

/** Whether the process that looks has a capability. */
export function hasCapability({ proc }: HostFiles, name: keyof typeof CAPABILITIES): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(read(`${proc}/self/status`) ?? "")?.[1] ?? "0";
  return ((BigInt(`0x${mask}`) >> CAPABILITIES[name]) & 1n) === 1n;
}

/** All of it. */
export function hostFindings(files: HostFiles): Finding[] {
  const host = lookAtHost(files);
  if (host.platform !== "linux") {
    return [
      { topic: "nice", state: "partly", found: `${host.platform}: nice is all there is`, fix: "use Linux" },
      ...controllerFindings(host),
    ];
  }
  return [
    ...controllerFindings(host),
    autogroup(host),
    ionice(),
    {
      topic: "who is ended first when memory runs out",
      state: "yes",
      found: "oom_score_adj, by lane",
    },
    capability(files, "CAP_SYS_NICE", "a nice below 0"),
    capability(files, "CAP_SYS_RESOURCE", "an oom_score_adj below what it was started with"),
    pressure(files),
  ];
}

function controllerFindings({ cpu, memory }: Host): Finding[] {
  return [
    controllerFinding("shares of the processor (cpu.weight)", cpu),
    controllerFinding("limits of memory (memory.max)", memory),
    memory.version === 2
      ? { topic: "memory.high and memory.low", state: "yes", found: "cgroup v2" }
      : {
          topic: "memory.high and memory.low",
          state: "no",
          found: memory.version === 0 ? memory.why : "cgroup v1 has neither",
          fix: "boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1)",
        },
  ];
}

function controllerFinding(topic: string, controller: Controller | NoController): Finding {
  if (controller.version === 0) return { topic, state: "no", found: controller.why, fix: controller.fix };
  return { topic, state: "yes", found: `cgroup v${controller.version}, in ${controller.base}` };
}

function autogroup({ autogroup: on, cpu }: Host): Finding {
  const topic = "nice between sessions";
  if (!on) return { topic, state: "yes", found: "autogroup is off: nice counts between all processes" };
  if (cpu.version !== 0)
    return {
      topic,
      state: "yes",
      found: "autogroup is on; control groups are used, which it does not touch",
    };
  return {
    topic,
    state: "partly",
    found:
      "autogroup is on: plain nice counts for nothing between sessions; laneway run sets the session's nice too",
    fix: "for other programs, as root: sysctl kernel.sched_autogroup_enabled=0",
  };
}

function ionice(): Finding {
  const places = (process.env["PATH"] ?? "").split(delimiter);
  if (places.some((place) => existsSync(`${place}/ionice`)))
    return { topic: "the disk", state: "yes", found: "ionice; only some I/O schedulers heed it" };
  return {
    topic: "the disk",
    state: "partly",
    found: "there is no ionice: the kernel goes by the nice",
    fix: "install util-linux",
  };
}

function capability(files: HostFiles, name: keyof typeof CAPABILITIES, what: string): Finding {
  const topic = `raising: ${what}`;
  if (hasCapability(files, name)) return { topic, state: "yes", found: name };
  return {
    topic,
    state: "no",
    found: `${name} is missing; lowering needs none`,
    fix: `give the process ${name}, if something must be raised`,
  };
}

function pressure({ proc }: HostFiles): Finding {
  const topic = "pressure (PSI), for limits that are learned";
  if (read(`${proc}/pressure/memory`) !== undefined) return { topic, state: "yes", found: "/proc/pressure" };
  return { topic, state: "no", found: "the kernel does not tell it", fix: "boot with psi=1" };
}
