/**
 * Whether marks would harm. Linux's older queues know nothing of differentiated services: they read the same bits as the
 * type of service of 1992, in which AF21 asks for the cheapest way. On a full link with `pfifo_fast` such a reply never
 * leaves.
 */

import { markName } from "./marks.ts";
import type { LaneMark } from "./marks.ts";

/** A queue of an interface, as `tc -j qdisc show` tells it. */
export interface HostQueue {
  readonly kind: string;
  readonly dev: string;
  readonly handle?: string | undefined;
  readonly options?: { readonly priomap?: readonly number[] | undefined } | undefined;
}

/** What is known of a host's queues. */
export interface HostQueues {
  readonly queues: readonly HostQueue[];
  /** The code points that a firewall rule gives a place of their own. */
  readonly remapped: ReadonlySet<number>;
}

/** One lane that would be served behind less important work. */
export interface Harm {
  /** The lane; undefined: all traffic without a mark. */
  readonly lane: string | undefined;
  readonly mark: string;
  readonly interface: string;
  /** The kind of the queue that does it. */
  readonly queue: string;
  /** The less important lane that goes first; undefined: all traffic without a mark. */
  readonly behind: string | undefined;
}

/** The handle of the queue that `laneway network` makes: nobody takes this one by chance. */
export const OWN_HANDLE = "4c57:";

/** The kernel's priority of a packet, by the lower three bits of its code point (`ip_tos2prio`). */
const PRIORITY_BY_BITS = [0, 0, 2, 2, 6, 6, 4, 4] as const;

/** The band of each priority in a queue that does not tell; band 0 is served first. */
const USUAL_BANDS: readonly number[] = [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];

/** Queues that go by the priority. */
const BY_PRIORITY: ReadonlySet<string> = new Set(["pfifo_fast", "prio", "fq", "mqprio"]);

/**
 * The lanes that marks would put behind less important work on these queues; none: the marks do no harm.
 *
 * @example
 * markingHarm(laneMarks(policy.lanes, "rfc4594"), policy.defaultLane, { queues, remapped: new Set() });
 * // => [{ lane: "high", mark: "AF21", interface: "eth0", queue: "pfifo_fast", behind: undefined }]
 */
export function markingHarm(marks: readonly LaneMark[], defaultLane: string, host: HostQueues): Harm[] {
  const ordered = withUnmarked(marks, defaultLane);
  const own = new Set(host.queues.filter(({ handle }) => handle === OWN_HANDLE).map(({ dev }) => dev));
  const harms: Harm[] = [];
  for (const { kind, dev, options } of host.queues) {
    if (own.has(dev) || !BY_PRIORITY.has(kind)) continue;
    const bands = options?.priomap ?? USUAL_BANDS;
    const bandOf = ({ codePoint }: OrderedMark): number => bands[PRIORITY_BY_BITS[codePoint & 7]!] ?? 0;
    // The rules put every mark where its rank belongs.
    const counted = ordered.filter(({ codePoint }) => !host.remapped.has(codePoint));
    counted.forEach((mark, rank) => {
      const first = counted.slice(rank + 1).find((below) => bandOf(below) < bandOf(mark));
      if (first === undefined) return;
      // Each queue of a card is listed by itself.
      if (harms.some((harm) => harm.interface === dev && harm.lane === mark.lane)) return;
      harms.push({ lane: mark.lane, mark: markName(mark), interface: dev, queue: kind, behind: first.lane });
    });
  }
  return harms;
}

/** Whether some queue could be wrong for these marks; false: there is no need to look. */
export function mayHarm(marks: readonly LaneMark[], defaultLane: string): boolean {
  const queues = [{ kind: "pfifo_fast", dev: "any" }];
  return markingHarm(marks, defaultLane, { queues, remapped: new Set() }).length > 0;
}

/** A harm in words. */
export function harmText({ lane, mark, interface: dev, queue, behind }: Harm): string {
  const name = (which: string | undefined): string =>
    which === undefined ? "what has no mark" : `lane ${which}`;
  const with_ = lane === undefined ? "" : `, marked ${mark},`;
  return `on ${dev} (${queue}) ${name(lane)}${with_} would be sent after ${name(behind)}`;
}

type OrderedMark = Omit<LaneMark, "lane"> & { readonly lane: string | undefined };

/** What carries no mark, other programs' packets above all, ranks as the default lane does. */
function withUnmarked(marks: readonly LaneMark[], defaultLane: string): OrderedMark[] {
  const at = marks.findIndex(({ lane }) => lane === defaultLane);
  return [...marks.slice(0, at), { lane: undefined, codePoint: 0 }, ...marks.slice(at)];
}
