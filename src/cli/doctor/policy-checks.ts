/** What the policy asks of this host, and whether the host can do it. What is only a default asks for nothing. */

import type { Policy, PolicyLane, PolicyResource } from "../../policy/policy.ts";
import { memoryLimit, processorAllowance } from "./allowance.ts";
import { sizeWords } from "./finding.ts";
import type { Finding, Group } from "./finding.ts";
import { holderOf } from "./holders.ts";
import { hasCapability } from "./host.ts";
import type { DoctorHost } from "./host.ts";
import { openFiles } from "./program.ts";

/** A finding for each thing that the policy asks for and will not get, or not all of it. */
export function policyFindings(policy: Pick<Policy, "lanes" | "resources">, host: DoctorHost): Finding[] {
  const { lanes, resources } = policy;
  return [
    ...lanes.flatMap((lane) => processorFindings(lane, host)),
    ...lanes.flatMap((lane) => memoryFindings(lane, host)),
    ...sparedFindings(lanes, host),
    ...threadFindings(resources, host),
    ...fileFindings(resources, host),
  ];
}

function processorFindings({ name, cpu }: PolicyLane, host: DoctorHost): Finding[] {
  const { platform } = host;
  const holder = holderOf(host, "cpu");
  const { nice = 0, weight } = cpu ?? {};
  const problems: Finding[] = [];
  // A lower share is made up for by nice; a higher one by nothing.
  if (typeof weight === "number" && holder.version === 0 && (weight >= 100 || platform !== "linux"))
    problems.push(problem("processor", name, `cpu.weight: ${weight}`, holder.why, holder.fix));
  if (nice < 0 && platform === "linux" && !hasCapability(host, "CAP_SYS_NICE")) {
    const fix = "give CAP_SYS_NICE, or use weight";
    problems.push(problem("processor", name, `cpu.nice: ${nice}`, "CAP_SYS_NICE is missing", fix));
  }
  return problems;
}

function memoryFindings({ name, memory }: PolicyLane, host: DoctorHost): Finding[] {
  const holder = holderOf(host, "memory");
  const { highBytes, lowBytes, maxBytes, oomScoreAdj = 0 } = memory ?? {};
  const held = memoryLimit(host) ?? host.node.totalMemoryBytes;
  const fields = [
    ["memory.high", highBytes, 2],
    ["memory.low", lowBytes, 2],
    ["memory.max", maxBytes, 1],
  ] as const;
  const problems = fields.flatMap(([field, bytes, least]) => {
    if (bytes === undefined) return [];
    if (holder.version === 0) return [problem("memory", name, field, holder.why, holder.fix)];
    if (holder.version < least)
      return [
        problem("memory", name, field, `cgroup v1 has no ${field}`, "boot with cgroup v2, or use memory.max"),
      ];
    return bytes > held && field !== "memory.low" ? [beyond(name, field, bytes, held)] : [];
  });
  if (oomScoreAdj < 0 && !hasCapability(host, "CAP_SYS_RESOURCE")) {
    const fix = "give it, or raise the value of the other lanes instead";
    problems.push(
      problem("memory", name, `memory.oomScoreAdj: ${oomScoreAdj}`, "CAP_SYS_RESOURCE is missing", fix),
    );
  }
  return problems;
}

function beyond(lane: string, field: string, bytes: number, held: number): Finding {
  return {
    group: "memory",
    topic: `lane ${lane}, ${field}: ${sizeWords(bytes)}`,
    state: "partly",
    found: `there are ${sizeWords(held)}`,
    why: "it never takes effect: all of the memory is gone before",
    fix: `less than ${sizeWords(held)}`,
  };
}

/** What is to be spared in each lane adds up. */
function sparedFindings(lanes: readonly PolicyLane[], host: DoctorHost): Finding[] {
  const held = memoryLimit(host) ?? host.node.totalMemoryBytes;
  const spared = lanes.reduce((sum, { memory }) => sum + (memory?.lowBytes ?? 0), 0);
  if (spared <= held) return [];
  return [
    {
      group: "memory",
      topic: `memory.low of all lanes: ${sizeWords(spared)}`,
      state: "problem",
      found: `there are ${sizeWords(held)}`,
      why: "what is not there cannot be spared",
      fix: `less than ${sizeWords(held)} in all`,
    },
  ];
}

/** The names that a resource of processors goes by, in the guides and by default. */
const PROCESSOR_NAMES = ["cpu", "threads"];

function threadFindings(resources: Policy["resources"], host: DoctorHost): Finding[] {
  const quota = processorAllowance(host)?.processors ?? Infinity;
  const processors = Math.max(1, Math.ceil(Math.min(quota, host.node.parallelism)));
  return PROCESSOR_NAMES.flatMap((name): Finding[] => {
    const resource = Object.hasOwn(resources, name) ? resources[name] : undefined;
    if (resource === undefined || typeof resource.limit !== "number" || resource.limit <= processors)
      return [];
    return [
      {
        group: "processor",
        topic: `resource ${name}, limit: ${resource.limit}`,
        state: "partly",
        found: `there ${processors === 1 ? "is 1 processor" : `are ${processors} processors`} for it`,
        why: "a seat is no processor then: the lanes compete below the scheduler",
        fix: `limit: ${processors}`,
      },
    ];
  });
}

/** A file for each connection: two of a call that is passed on, one of a request that waits. */
function fileFindings(resources: Policy["resources"], host: DoctorHost): Finding[] {
  const files = openFiles(host);
  if (files === undefined) return [];
  const all = Object.values(resources);
  const sum = (count: (resource: PolicyResource) => number): number =>
    all.reduce((total, resource) => total + count(resource), 0);
  const perSeat = ({ upstream }: PolicyResource): number => (upstream === undefined ? 1 : 2);
  const fixed = sum((each) => (typeof each.limit === "number" ? each.limit * perSeat(each) : 0));
  const most = sum((each) => mostSeats(each) * perSeat(each) + (isServed(each) ? mostWaiting(each) : 0));
  if (most <= files) return [];
  const state = fixed > files ? "problem" : "partly";
  return [
    {
      group: "Node",
      topic: "open files against limits and queues",
      state,
      found: `seats and full queues together take ${most} connections, and ${files} files may be open`,
      why: "beyond it connections fail in every lane, whatever the policy says",
      fix: `ulimit -n ${2 ** Math.ceil(Math.log2(most + 1))} (systemd: LimitNOFILE=), or a smaller queue.max`,
    },
  ];
}

function mostSeats({ limit }: PolicyResource): number {
  return typeof limit === "number" ? limit : limit.max;
}

/** Requests that come in hold a connection while they wait; tasks of a program need none. */
function isServed({ upstream, name }: PolicyResource): boolean {
  return upstream !== undefined || name === "http";
}

function mostWaiting({ queue, lanes }: PolicyResource): number {
  return queue.max ?? lanes.reduce((total, lane) => total + lane.queue.max, 0);
}

function problem(group: Group, lane: string, field: string, found: string, fix: string): Finding {
  return { group, topic: `lane ${lane}, ${field}`, state: "problem", found, fix };
}
