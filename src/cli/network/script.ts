/** The plan as a script for root's shell. Whatever is put into it has been checked: a name, a number, nothing else. */

import { OWN_HANDLE } from "../../adapters/dscp/harm.ts";
import { OWN_TABLE } from "../../adapters/dscp/host-queues.ts";
import type { LinkClass, LinkPlan } from "./plan.ts";

/** What a script is made of. */
export interface Parts {
  /** The queue of this interface; undefined: no queue. */
  readonly dev: string | undefined;
  /** The rules that put marked packets in their place in queues that are not ours. */
  readonly rules: boolean;
}

/** The id of the class that holds all others. */
const ROOT_CLASS = 1;
/** The id of the first lane's class. */
const FIRST_CLASS = 10;

/** Rules for `nft -f`: every mark gets the place of its lane, whatever the queue believes that it means. */
export function firewallRules({ classes }: LinkPlan): string {
  const rules = classes
    .filter(({ codePoint }) => codePoint !== 0)
    .flatMap(({ codePoint, placed, lanes }) =>
      ["ip", "ip6"].map(
        (family) =>
          `    ${family} dscp ${codePoint} meta priority set 0:${placed} comment "laneway ${codePoint} ${printable(lanes)}"`,
      ),
    );
  return [
    // The first line makes sure that there is something to delete.
    `table inet ${OWN_TABLE}`,
    `delete table inet ${OWN_TABLE}`,
    `table inet ${OWN_TABLE} {`,
    "  chain marks {",
    "    type filter hook postrouting priority mangle; policy accept;",
    ...rules,
    "  }",
    "}",
    "",
  ].join("\n");
}

/** A comment of a rule holds at most 128 bytes. */
function printable(lanes: readonly string[]): string {
  const text = lanes.join(" ").replaceAll(/[^A-Za-z0-9_. -]/g, "?");
  return text.length <= 100 ? text : `${text.slice(0, 97)}...`;
}

/** A script that makes the queue and the rules, anew where they are there already. */
export function applyScript(plan: LinkPlan, { dev, rules }: Parts): string {
  return script(
    plan.classes.map(
      ({ lanes, mark, share }) =>
        `#   ${mark.padEnd(4)} ${String(Math.round(share * 1000) / 10).padStart(5)} %  ${printable(lanes)}`,
    ),
    { dev, rules },
    [
      ...(dev === undefined ? [] : queueLines(plan, dev)),
      ...(rules ? ["nft -f - <<'RULES'", firewallRules(plan).trimEnd(), "RULES"] : []),
      ...(dev === undefined ? [] : ["trap - EXIT"]),
    ],
  );
}

/** A script that takes back what the other one did, and touches nothing that it did not. */
export function undoScript({ dev, rules }: Parts): string {
  return script([], { dev, rules }, [
    ...(dev === undefined
      ? []
      : [
          `queue=$(tc qdisc show dev ${dev} root)`,
          'case "$queue" in',
          `*" ${OWN_HANDLE} "*) tc qdisc del dev ${dev} root ;;`,
          "esac",
        ]),
    ...(rules
      ? [`if nft list table inet ${OWN_TABLE} >/dev/null 2>&1; then nft delete table inet ${OWN_TABLE}; fi`]
      : []),
  ]);
}

function script(head: readonly string[], { dev, rules }: Parts, body: readonly string[]): string {
  const programs = [...(dev === undefined ? [] : ["tc:iproute2"]), ...(rules ? ["nft:nftables"] : [])];
  return [
    "#!/bin/sh",
    "# Made by laneway network.",
    ...head,
    "set -eu",
    "",
    // The shell runs it when it has read the last line: half a script does nothing.
    "main() {",
    'PATH="$PATH:/usr/sbin:/sbin"',
    'if [ "$(id -u)" != 0 ]; then fail "run this as root"; fi',
    ...programs.map((pair) => {
      const [program, from] = pair.split(":");
      return `if ! command -v ${program} >/dev/null; then fail "${program} is not here: install ${from}"; fi`;
    }),
    ...body,
    "}",
    "",
    'fail() { echo "laneway network: $1" >&2; exit 1; }',
    "",
    "main",
    "",
  ].join("\n");
}

function queueLines({ classes, linkBits }: LinkPlan, dev: string): string[] {
  const ids = new Map(classes.map((each, index) => [each, `${OWN_HANDLE}${FIRST_CLASS + index}`]));
  const fallback = FIRST_CLASS + classes.findIndex(({ isDefault }) => isDefault);
  const root = `${OWN_HANDLE}${ROOT_CLASS}`;
  return [
    `queue=$(tc qdisc show dev ${dev} root)`,
    'case "$queue" in',
    `*" ${OWN_HANDLE} "*) tc qdisc del dev ${dev} root ;;`,
    // Handle 0: is the kernel's own choice, which comes back when ours is gone.
    '*" 0: "*) ;;',
    `*) fail "${dev} has a queue that somebody made: $queue; to give it up: tc qdisc del dev ${dev} root" ;;`,
    "esac",
    `trap 'tc qdisc del dev ${dev} root 2>/dev/null || :; echo "laneway network: ${dev} has the queue that the kernel gives it" >&2' EXIT`,
    `tc qdisc add dev ${dev} root handle ${OWN_HANDLE} htb default ${fallback}`,
    `tc class add dev ${dev} parent ${OWN_HANDLE} classid ${root} htb rate ${linkBits}bit ${bursts(linkBits!, linkBits!)}`,
    ...classes.flatMap((each) => classLines(each, ids.get(each)!, root, dev, linkBits!)),
  ];
}

function classLines(each: LinkClass, id: string, root: string, dev: string, linkBits: number): string[] {
  const { rateBits, priority, codePoint, typeOfService } = each;
  const byte = `0x${typeOfService.toString(16).padStart(2, "0")}`;
  const filter = `tc filter add dev ${dev} parent ${OWN_HANDLE}`;
  return [
    `tc class add dev ${dev} parent ${root} classid ${id} htb rate ${rateBits}bit ceil ${linkBits}bit prio ${priority} ${bursts(rateBits!, linkBits)}`,
    // Inside a class who sends least waits least, where the kernel has that queue.
    `tc qdisc add dev ${dev} parent ${id} fq_codel 2>/dev/null || :`,
    ...(codePoint === 0
      ? []
      : [
          `${filter} protocol ip prio 1 u32 match ip dsfield ${byte} 0xfc flowid ${id}`,
          `${filter} protocol ipv6 prio 2 u32 match ip6 priority ${byte} 0xfc flowid ${id}`,
        ]),
  ];
}

/**
 * A millisecond at full rate may be sent in one go, or the kernel would have to wake for every packet of a fast link; and
 * more than one jumbo frame at a turn.
 */
function bursts(rateBits: number, linkBits: number): string {
  const bytes = (bits: number): number => Math.max(1_600, Math.ceil(bits / 8_000));
  return `burst ${bytes(rateBits)}b cburst ${bytes(linkBits)}b quantum 20000`;
}
