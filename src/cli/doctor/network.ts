/** Marks on packets: whether this host's queues and this Node's sockets do with them what is meant. */

import { harmText, markingHarm, mayHarm } from "../../adapters/dscp/harm.ts";
import { laneMarks } from "../../adapters/dscp/marks.ts";
import type { MarkedPolicy } from "../../adapters/dscp/marks.ts";
import { read } from "../../adapters/process/host.ts";
import type { Finding } from "./finding.ts";
import type { DoctorHost } from "./host.ts";
import { capabilityFinding } from "./processor.ts";
import { interfacesOf, ordersMarks, remappedMarks } from "./queues.ts";
import type { Interface } from "./queues.ts";

const group = "network";
const QUEUES = "marks (DSCP)";

/** All findings on the network. What marks do wrong is a problem when the policy has marks. */
export function networkFindings(host: DoctorHost, policy: MarkedPolicy): Finding[] {
  const sockets = socketFindings(host, policy);
  if (host.platform !== "linux") {
    const found = `not known: ${host.platform} does not tell its queues`;
    return [
      { group, topic: QUEUES, state: "no", found, fix: "ask the network's operator", minor: true },
      ...sockets,
    ];
  }
  return [
    ...queueFindings(host, policy),
    ...sockets,
    capabilityFinding(host, group, "CAP_NET_ADMIN", "queues and firewall rules"),
  ];
}

/** Laneway itself refuses such marks, unless it was told not to look. */
function harmState({ network }: MarkedPolicy): "problem" | "partly" {
  return network?.checkQueue === true ? "problem" : "partly";
}

/** Without marks in the policy those are judged that can do harm. */
function marksOf({ lanes, network }: MarkedPolicy): ReturnType<typeof laneMarks> {
  return laneMarks(lanes, network?.profile ?? "rfc4594");
}

function queueFindings(host: DoctorHost, policy: MarkedPolicy): Finding[] {
  const { all, guessed } = interfacesOf(host);
  if (guessed && policy.network?.checkQueue === true && mayHarm(marksOf(policy), policy.defaultLane)) {
    const found = "there is no tc here that tells the queues, and without it such marks are refused";
    return [
      {
        group,
        topic: `network: ${policy.network.profile}`,
        state: "problem",
        found,
        fix: "install iproute2, profile: safe, or checkQueue: false",
      },
    ];
  }
  const waiting = all.filter(({ queues }) => queues[0]?.kind !== "noqueue");
  if (waiting.length === 0) {
    const found = all.length === 0 ? "no interface is up" : "nothing waits in this host's queues (noqueue)";
    const why = "marks count in the network beyond";
    return [{ group, topic: QUEUES, state: "no", found, why, fix: "none is needed here", minor: true }];
  }
  const remapped = remappedMarks(host);
  const alike = Map.groupBy(waiting, ({ queues }) =>
    JSON.stringify(queues.map(({ kind, options }) => [kind, options])),
  );
  return [...alike.values()].map((each) => queueFinding(each, remapped, guessed, policy));
}

/** Of interfaces whose queues are alike. */
function queueFinding(
  all: readonly Interface[],
  remapped: ReadonlySet<number>,
  guessed: boolean,
  policy: MarkedPolicy,
): Finding {
  const topic = policy.network === undefined ? QUEUES : `network: ${policy.network.profile}`;
  const [{ dev, queues }] = all as readonly [Interface, ...Interface[]];
  const names = namesWords(all.map((each) => each.dev));
  const [queue] = queues;
  if (queue === undefined) {
    const found = `${names}: which queue it has is not known`;
    return {
      group,
      topic: QUEUES,
      state: "partly",
      found,
      why: "there is no tc here",
      fix: "install iproute2",
    };
  }
  const found = `${names}: ${queue.kind}${guessed ? ", if nobody changed it" : ""}`;
  const [harm] = markingHarm(marksOf(policy), policy.defaultLane, { queues, remapped });
  if (harm !== undefined) {
    const fix = `network: { profile: safe }; or as root: laneway network --interface ${dev} --rate … | sh`;
    const why =
      policy.network === undefined
        ? `there ${harm.mark} of RFC 4594 is sent after what is less important; the safe marks do no harm`
        : harmText(harm);
    return { group, topic, state: harmState(policy), found, why, fix };
  }
  const orders = ordersMarks(queue);
  if (orders === true || marksOf(policy).every(({ codePoint }) => codePoint === 0 || remapped.has(codePoint)))
    return { group, topic, state: "yes", found };
  if (orders === undefined) {
    const why = "its own filters decide what it makes of marks";
    return { group, topic, state: "partly", found, why, fix: `look at: tc filter show dev ${dev}` };
  }
  const why = "it does not go by marks; they do no harm, and count in the network beyond";
  const fix = `for lanes on this link, as root: laneway network --interface ${dev} --rate … | sh`;
  return { group, topic, state: "no", found, why, fix };
}

function namesWords(names: readonly string[]): string {
  const shown = 3;
  const more = names.length - shown;
  return more > 0 ? `${names.slice(0, shown).join(", ")} and ${more} more` : names.join(", ");
}

/** What Node does not mark, without a word. It matters to those who mark. */
function socketFindings({ proc, node, platform }: DoctorHost, { network }: MarkedPolicy): Finding[] {
  const minor = network === undefined ? true : undefined;
  if (!node.canMark || platform === "win32") {
    const topic = "marks (DSCP) on Node's sockets";
    const found = `Node ${node.version} cannot mark packets here`;
    const fix = "Node 24.15 or newer, not on Windows; or nft by control group: socket cgroupv2 … ip dscp set";
    return [{ group, topic, state: network === undefined ? "no" : "problem", found, fix, minor }];
  }
  const both =
    read(`${proc}/net/if_inet6`) !== undefined && read(`${proc}/sys/net/ipv6/bindv6only`)?.trim() !== "1";
  return [
    {
      group,
      topic: "marks to IPv4 clients",
      ...(both
        ? {
            state: "partly",
            found: "listen(port) has them on an IPv6 socket, which Node does not mark, nor says so",
            fix: "listenOnBoth of laneway/dscp, or listen on 0.0.0.0",
            minor,
          }
        : { state: "yes", found: "they have a socket of their own" }),
    },
    {
      group,
      topic: "marks over TLS",
      state: "partly",
      found: "Node does not mark TLS sockets, nor says so",
      fix: "laneway/dscp, which marks the connection below: server.on('connection'), tls.connect({ socket })",
      minor,
    },
  ];
}
