/** What the queues of this host are, by the programs that know: Node has no way to ask the kernel. */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { HostQueue, HostQueues } from "./harm.ts";

/** The table of firewall rules that `laneway network` makes. */
export const OWN_TABLE = "laneway_dscp";

const LASTS_AT_MOST_MS = 5_000;

/**
 * The queues of all interfaces that are up, of the network namespace that this process is in. A text where they cannot
 * be known: why.
 */
export function hostQueues(): HostQueues | string {
  const { stdout, error, status } = asked("tc", "-j", "qdisc", "show");
  if (error !== undefined || status !== 0)
    return "the queues of this host cannot be looked at: tc (iproute2) is not here";
  let queues: HostQueue[];
  try {
    queues = JSON.parse(stdout) as HostQueue[];
  } catch {
    return "the queues of this host cannot be looked at: this tc prints no JSON";
  }
  return { queues: queues.filter(({ dev }) => isUp(dev)), remapped: remappedCodePoints() };
}

/** Each of our rules says in its comment which code point it is for. Without rights or without nft: none. */
function remappedCodePoints(): Set<number> {
  const { stdout, status } = asked("nft", "list", "table", "inet", OWN_TABLE);
  if (status !== 0) return new Set();
  return new Set([...stdout.matchAll(/comment "laneway (\d+)\b/g)].map(([, codePoint]) => Number(codePoint)));
}

function isUp(dev: string): boolean {
  try {
    return readFileSync(`/sys/class/net/${dev}/operstate`, "utf8").trim() !== "down";
  } catch {
    // Not told: it may be up.
    return true;
  }
}

function asked(program: string, ...args: string[]): ReturnType<typeof spawnSync> & { stdout: string } {
  // The places where these live are in the PATH of root only.
  const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
  return spawnSync(program, args, { env, encoding: "utf8", timeout: LASTS_AT_MOST_MS });
}
