/** The queues of a host's interfaces, and what is known of them. */

import { OWN_HANDLE } from "../../adapters/dscp/harm.ts";
import type { HostQueue } from "../../adapters/dscp/harm.ts";
import { OWN_TABLE } from "../../adapters/dscp/host-queues.ts";
import { read } from "../../adapters/process/host.ts";
import { list } from "./host.ts";
import type { DoctorHost } from "./host.ts";

/** One interface that is up. */
export interface Interface {
  readonly dev: string;
  /** The queues of its own, those of a card with several among them; none: not known. */
  readonly queues: readonly HostQueue[];
}

/** All of them. */
export interface Interfaces {
  readonly all: readonly Interface[];
  /** Nobody was there to ask: these are what the kernel gives by default. */
  readonly guessed: boolean;
}

const INTERFACE_UP = 1;

/** Queues that look at neither marks nor priorities. */
const UNAWARE =
  /^(?:noqueue|fq|fq_codel|fq_pie|codel|pfifo|bfifo|pfifo_head_drop|sfq|sfb|red|pie|hhf|tbf|netem|choke|pfifo_fast)$/;

/** Whether a queue that does no harm puts marked packets in order; undefined: its filters decide. */
export function ordersMarks({ kind, handle, options }: HostQueue): boolean | undefined {
  if (handle === OWN_HANDLE) return true;
  if (kind === "cake") return (options as { diffserv?: string } | undefined)?.diffserv !== "besteffort";
  return UNAWARE.test(kind) ? false : undefined;
}

/** All interfaces that are up, but for the loopback. */
export function interfacesOf(host: DoctorHost): Interfaces {
  const { proc, sys } = host;
  const told = allQueues(host);
  // In a network namespace of its own a process still sees the interfaces of another one in /sys.
  const known = told === undefined ? list(`${sys}/class/net`) : [...new Set(told.map(({ dev }) => dev))];
  const names = known.filter((dev) => dev !== "lo" && isUp(host, dev));
  const usual = read(`${proc}/sys/net/core/default_qdisc`)?.trim();
  const hasBands = fqHasBands(read(`${proc}/sys/kernel/osrelease`) ?? "");
  const all = names.map((dev) => {
    const queues =
      told === undefined ? byDefault(host, dev, usual) : told.filter((queue) => queue.dev === dev);
    // The root of such a card is no queue itself.
    const real = queues.length > 1 ? queues.filter(({ kind }) => kind !== "mq") : queues;
    return { dev, queues: real.map((queue) => (hasBands ? queue : withoutBands(queue))) };
  });
  return { all, guessed: told === undefined };
}

/** The code points that rules of `laneway network` put in their place. */
export function remappedMarks(host: DoctorHost): Set<number> {
  const rules = host.run("nft", ["list", "table", "inet", OWN_TABLE]) ?? "";
  return new Set([...rules.matchAll(/comment "laneway (\d+)\b/g)].map(([, codePoint]) => Number(codePoint)));
}

function allQueues(host: DoctorHost): readonly HostQueue[] | undefined {
  try {
    return JSON.parse(host.run("tc", ["-j", "qdisc", "show"]) ?? "") as HostQueue[];
  } catch {
    // Not there, or one that prints no JSON.
    return undefined;
  }
}

function isUp({ sys }: DoctorHost, dev: string): boolean {
  const flags = read(`${sys}/class/net/${dev}/flags`);
  return flags === undefined || (Number(flags) & INTERFACE_UP) === INTERFACE_UP;
}

function byDefault({ sys }: DoctorHost, dev: string, usual: string | undefined): HostQueue[] {
  if (read(`${sys}/class/net/${dev}/tx_queue_len`)?.trim() === "0") return [{ kind: "noqueue", dev }];
  return usual === undefined ? [] : [{ kind: usual, dev }];
}

/** From Linux 6.7 on `fq` goes by the priority as `pfifo_fast` does. */
function fqHasBands(release: string): boolean {
  const [major = 0, minor = 0] = release.split(".").map((part) => Number.parseInt(part, 10));
  return major > 6 || (major === 6 && minor >= 7);
}

function withoutBands(queue: HostQueue): HostQueue {
  const priorities = 16;
  return queue.kind === "fq"
    ? { ...queue, options: { priomap: Array.from({ length: priorities }, () => 0) } }
    : queue;
}
