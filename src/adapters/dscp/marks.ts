/** The mark of each lane's packets: by the profile and the lane's name, or as its policy says. */

import { invalid } from "../../core/errors.ts";
import { codePointName } from "../../policy/code-points.ts";
import type { Policy, PolicyLane, PolicyNetwork } from "../../policy/policy.ts";

/** What of a policy says which marks there are. */
export type MarkedPolicy = Pick<Policy, "lanes" | "defaultLane" | "network">;

/** Which marks lanes have by name. */
export type Profile = PolicyNetwork["profile"];

/** A lane with its mark. */
export interface LaneMark {
  readonly lane: string;
  /** From 0 to 63; 0 is what unmarked packets have. */
  readonly codePoint: number;
}

/** `safe` holds class selectors and the lower effort of RFC 8622: no queue of Linux turns the order of these around. */
const PROFILES: Readonly<Record<Profile, Readonly<Record<string, number>>>> = {
  safe: { critical: 40, high: 24, normal: 0, low: 8, bulk: 1 },
  rfc4594: { critical: 46, high: 18, normal: 0, low: 8, bulk: 1 },
};

/** The marks of all lanes, most important first. Lanes with names of their own are unmarked unless they say otherwise. */
export function laneMarks(lanes: readonly PolicyLane[], profile: Profile): LaneMark[] {
  const byName = PROFILES[profile];
  return lanes.map(({ name, network }) => {
    const usual = name === "batch" ? "bulk" : name;
    const codePoint = network?.dscp ?? (Object.hasOwn(byName, usual) ? byName[usual]! : 0);
    return { lane: name, codePoint };
  });
}

/** A mark in words: `CS5`, or the number of a code point without a name. */
export function markName({ codePoint }: Pick<LaneMark, "codePoint">): string {
  return codePointName(codePoint);
}

/** What the header of a packet holds for a code point: the other two bits belong to congestion notification. */
export function typeOfService(codePoint: number): number {
  return codePoint << 2;
}

/**
 * The mark of one lane.
 *
 * @throws LanewayError `LANEWAY_INVALID` when there is no such lane, naming those there are.
 */
export function markOfLane(place: string, marks: readonly LaneMark[], lane: string): LaneMark {
  const found = marks.find((mark) => mark.lane === lane);
  if (found !== undefined) return found;
  throw invalid(place, `one of the lanes ${marks.map((mark) => mark.lane).join(", ")}`, lane);
}
