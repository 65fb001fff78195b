/** The processor: shares, nice between sessions, quota, and the right to raise. */

import { lookAtHost } from "../../adapters/process/host.ts";
import { processorAllowance } from "./allowance.ts";
import { percentWords } from "./finding.ts";
import type { Finding, Group } from "./finding.ts";
import { holderOf, modeWords } from "./holders.ts";
import { hasCapability } from "./host.ts";
import type { Capability, DoctorHost } from "./host.ts";

const group = "processor";

/** From this part of the periods on a quota is worth a line. */
const STOPPED_OFTEN = 0.01;

/** All findings on the processor. */
export function processorFindings(host: DoctorHost): Finding[] {
  const looked = lookAtHost(host);
  if (looked.platform !== "linux") {
    return [
      {
        group,
        topic: "shares of the processor",
        state: "partly",
        found: `${looked.platform}: nice is all there is`,
        fix: "run it on Linux for shares",
      },
    ];
  }
  return [
    holderFinding(host, group, "shares of the processor (cpu.weight)", "cpu"),
    autogroupFinding(host),
    quotaFinding(host),
    capabilityFinding(host, group, "CAP_SYS_NICE", "a nice below 0"),
  ];
}

/** Whether shares, or limits, can be had; in what mode, and where. */
export function holderFinding(
  host: DoctorHost,
  about: Group,
  topic: string,
  name: "cpu" | "memory",
): Finding {
  const holder = holderOf(host, name);
  if (holder.version !== 0) return { group: about, topic, state: "yes", found: holder.found };
  return { group: about, topic, state: "no", found: modeWords(host), why: holder.why, fix: holder.fix };
}

function autogroupFinding(host: DoctorHost): Finding {
  const { autogroup } = lookAtHost(host);
  const topic = "nice between sessions";
  if (!autogroup)
    return { group, topic, state: "yes", found: "autogroup is off: nice counts between all processes" };
  if (holderOf(host, "cpu").version !== 0) {
    const found = "autogroup is on; laneway run uses control groups, which it does not touch";
    return { group, topic, state: "yes", found };
  }
  return {
    group,
    topic,
    state: "partly",
    found: "autogroup is on",
    why: "plain nice counts for nothing between sessions; laneway run sets the session's nice too",
    fix: "for other programs, as root: sysctl kernel.sched_autogroup_enabled=0",
  };
}

function quotaFinding(host: DoctorHost): Finding {
  const topic = "quota of the processor";
  const { parallelism } = host.node;
  const quota = processorAllowance(host);
  if (quota === undefined) return { group, topic, state: "yes", found: `none; ${parallelism} processors` };
  const { processors, stopped = 0 } = quota;
  const found = `${Number(processors.toFixed(2))} of a processor's time`;
  const whole = Math.max(1, Math.floor(processors));
  if (stopped >= STOPPED_OFTEN || processors < 1) {
    const why =
      stopped >= STOPPED_OFTEN
        ? `it is used up in ${percentWords(stopped)} of the periods, and then every lane stands still`
        : "when it is used up every lane stands still until the next period";
    const fix = "a higher quota, or none and a share (in Kubernetes: requests.cpu without limits.cpu)";
    return { group, topic, state: "partly", found, why, fix };
  }
  if (parallelism > Math.ceil(processors)) {
    const why = `this Node counts ${parallelism} processors: pools that go by that have too many threads`;
    return { group, topic, state: "partly", found, why, fix: `new ThreadPool({ threads: ${whole}, … })` };
  }
  return { group, topic, state: "yes", found };
}

/** Whether there is a right to raise something; few hosts give it, and lowering needs none. */
export function capabilityFinding(host: DoctorHost, about: Group, name: Capability, what: string): Finding {
  const topic = `${name}: ${what}`;
  if (hasCapability(host, name)) return { group: about, topic, state: "yes", found: "there", minor: true };
  return {
    group: about,
    topic,
    state: "no",
    found: "missing",
    why: "lowering needs none",
    fix: `give the process ${name}, if this is wanted`,
    minor: true,
  };
}
