/**
 * The lane travels on: what a call tells the service that it goes to, if that is one of the origins that may know. All
 * others are told nothing, not even what the caller's own headers say: a program that passes on the headers of the
 * request it serves must not pass on a claim that it did not believe.
 */

import { invalid } from "../core/errors.ts";
import { asyncContext } from "../node/context.ts";
import {
  BAGGAGE_HEADER,
  DEADLINE_HEADER,
  DEADLINE_MEMBER,
  LANE_HEADER,
  LANE_MEMBER,
} from "../policy/forwarded.ts";

/** What there is to tell of one call. */
export interface Told {
  readonly lane: string | undefined;
  /** An instant on `performance.now()`. */
  readonly deadline: number | undefined;
}

/** What the running code would tell; `lane` is the call's own, which goes before that of the async context. */
export function toldHere(lane: string | undefined): Told {
  const ambient = asyncContext.get();
  return { lane: lane ?? ambient?.lane, deadline: ambient?.deadline };
}

/** Whether the origin of `url` is one of those that are told. */
export function isTold(url: string, origins: readonly string[]): boolean {
  return origins.length > 0 && URL.canParse(url) && origins.includes(new URL(url).origin);
}

/**
 * What a user gave as `forwardTo`, as origins; undefined when nothing. `place` names it in errors.
 *
 * @throws LanewayError `LANEWAY_INVALID`
 */
export function originsOf(place: string, urls: readonly string[] | undefined): readonly string[] | undefined {
  if (urls === undefined) return undefined;
  const expected = "a list of origins such as http://billing.internal";
  if (!Array.isArray(urls)) throw invalid(`${place}: forwardTo`, expected, urls);
  return urls.map((url) => {
    const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : undefined;
    if (parsed === undefined || parsed.href !== `${parsed.origin}/` || !/^https?:$/.test(parsed.protocol))
      throw invalid(`${place}: forwardTo`, expected, url);
    return parsed.origin;
  });
}

/** Headers that hold the pair, and what of `baggage` is others'. */
export interface ToldHeaders {
  get(name: string): string | null;
  set(name: string, value: string): void;
  delete(name: string): void;
}

/** What there is to tell, as lines of a header: name, value, name, value, … */
export function toldLines({ lane, deadline }: Told): string[] {
  const lines: string[] = [];
  const members: string[] = [];
  if (lane !== undefined) {
    // A header takes no other letters; baggage takes them all, encoded.
    if (/^[\x21-\x7e]+$/.test(lane)) lines.push(LANE_HEADER, lane);
    members.push(`${LANE_MEMBER}=${encodeURIComponent(lane)}`);
  }
  if (deadline !== undefined) {
    const left = Math.max(0, Math.floor(deadline - performance.now())).toString();
    lines.push(DEADLINE_HEADER, left);
    members.push(`${DEADLINE_MEMBER}=${left}`);
  }
  if (members.length > 0) lines.push(BAGGAGE_HEADER, members.join(","));
  return lines;
}

/** Puts in what this origin is told, in place of whatever the headers say already. */
export function tell(headers: ToldHeaders, isToldOrigin: boolean, told: Told): void {
  headers.delete(LANE_HEADER);
  headers.delete(DEADLINE_HEADER);
  const members = membersOfOthers(headers.get(BAGGAGE_HEADER));
  const lines = isToldOrigin ? toldLines(told) : [];
  for (let i = 0; i < lines.length; i += 2) {
    if (lines[i] === BAGGAGE_HEADER) members.push(lines[i + 1]!);
    else headers.set(lines[i]!, lines[i + 1]!);
  }
  if (members.length === 0) headers.delete(BAGGAGE_HEADER);
  else headers.set(BAGGAGE_HEADER, members.join(","));
}

const OURS: ReadonlySet<string> = new Set([LANE_MEMBER, DEADLINE_MEMBER]);

function membersOfOthers(baggage: string | null): string[] {
  if (baggage === null) return [];
  return baggage
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "" && !OURS.has(member.split("=", 1)[0]!.trim()));
}
