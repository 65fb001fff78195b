/** What a host's queue and firewall are to do for the lanes of a policy: classes of the link, and places by mark. */

import { laneMarks, markName, typeOfService } from "../../adapters/dscp/marks.ts";
import type { LaneMark, Profile } from "../../adapters/dscp/marks.ts";
import { LEAST_SHARE } from "../../policy/check-network.ts";
import type { Policy } from "../../policy/policy.ts";

/** A class of the link: the lanes that carry one mark, which nothing on the wire tells apart. */
export interface LinkClass {
  readonly lanes: readonly string[];
  /** From 0 to 63. */
  readonly codePoint: number;
  /** The standard name of the code point, or its number. */
  readonly mark: string;
  /** The byte of the packet's header. */
  readonly typeOfService: number;
  /** 0 is served first. */
  readonly priority: number;
  /** The part of the link that the class has when everybody sends: a fraction. */
  readonly share: number;
  /** That share of the link, in bits per second; undefined without a rate. */
  readonly rateBits: number | undefined;
  /** What has another mark or none is sent here. */
  readonly isDefault: boolean;
  /** The kernel's priority of its packets, for queues that go by that: 6 is first, 0 ordinary, 2 last. */
  readonly placed: 6 | 0 | 2;
}

/** Everything that the script says. */
export interface LinkPlan {
  readonly file: string | undefined;
  readonly profile: Profile;
  /** Bits per second. */
  readonly linkBits: number | undefined;
  readonly classes: readonly LinkClass[];
}

/** The kernel's queue knows eight. */
const PRIORITY_MAX = 7;

/** The classes of a policy, most important first. */
export function planLink(policy: Policy, profile: Profile, linkBits: number | undefined): LinkPlan {
  const { lanes, defaultLane, file } = policy;
  const marks = laneMarks(lanes, profile);
  const shares = linkShares(lanes.map(({ network }) => network?.share));
  const codePoints = [...new Set(marks.map(({ codePoint }) => codePoint))];
  const usual = usualCodePoint(marks, defaultLane);
  const usualRank = codePoints.indexOf(usual);
  const classes = codePoints.map((codePoint, rank): LinkClass => {
    const share = shares.reduce(
      (sum, each, index) => sum + (marks[index]!.codePoint === codePoint ? each : 0),
      0,
    );
    return {
      lanes: marks.filter((mark) => mark.codePoint === codePoint).map(({ lane }) => lane),
      codePoint,
      mark: markName({ codePoint }),
      typeOfService: typeOfService(codePoint),
      priority: Math.min(rank, PRIORITY_MAX),
      share: Number(share.toFixed(6)),
      rateBits: linkBits === undefined ? undefined : Math.floor(linkBits * share),
      isDefault: codePoint === usual,
      placed: rank < usualRank ? 6 : rank > usualRank ? 2 : 0,
    };
  });
  return { file, profile, linkBits, classes };
}

/** Unmarked packets belong to a lane without a mark; where there is none, to the default lane. */
function usualCodePoint(marks: readonly LaneMark[], defaultLane: string): number {
  if (marks.some(({ codePoint }) => codePoint === 0)) return 0;
  return (marks.find(({ lane }) => lane === defaultLane) ?? marks[0]!).codePoint;
}

/**
 * Fractions of the link, which add up to 1: what is given, and of the rest more for higher ranks, but at least a
 * hundredth for each.
 *
 * @example
 * linkShares([undefined, undefined, 0.25]); // => [0.5, 0.25, 0.25]
 */
export function linkShares(given: readonly (number | undefined)[]): number[] {
  const least = LEAST_SHARE / 100;
  const open = given.filter((share) => share === undefined).length;
  const left = 1 - given.reduce<number>((sum, share) => sum + (share ?? 0), 0) - open * least;
  const parts = (open * (open + 1)) / 2;
  let rank = 0;
  return given.map((share) => share ?? least + (left * (open - rank++)) / parts);
}
