/** The last five minutes as the page keeps them, and what can be read off them. Plain functions: a test runs them in Node. */

import { LANE_FIELDS } from "../admin/wire.ts";
import type { LaneField, LaneTick, State, Tick } from "../admin/wire.ts";

/** Ticks kept, however long the page stays open. */
export const KEPT_TICKS = 300;

/** The numbers of a lane by their names. */
export type LaneNumbers = Readonly<Record<LaneField, number>>;

/** One number of a lane. */
export function numberOf(lane: LaneTick | undefined, field: LaneField): number {
  return lane?.[LANE_FIELDS.indexOf(field)] ?? 0;
}

/** All numbers of a lane. */
export function numbersOf(lane: LaneTick | undefined): LaneNumbers {
  return Object.fromEntries(LANE_FIELDS.map((field) => [field, numberOf(lane, field)])) as LaneNumbers;
}

/** The ticks with one more. */
export function withTick(ticks: readonly Tick[], tick: Tick): readonly Tick[] {
  return [...ticks.slice(Math.max(0, ticks.length + 1 - KEPT_TICKS)), tick];
}

/** Our ticks and the server's, which knows what we missed, unless it began after ours. */
export function merged(ours: readonly Tick[], theirs: readonly Tick[]): readonly Tick[] {
  const since = theirs[0]?.at ?? Infinity;
  return [...ours.filter(({ at }) => at < since), ...theirs].slice(-KEPT_TICKS);
}

/** Whether the numbers of ticks stand for the same lanes in both. */
function sameShape(a: State | null, b: State | null): boolean {
  return shapeOf(a) === shapeOf(b);
}

/** The ticks as far as they can be read under another state: numbers of other lanes would get the wrong names. */
export function readableUnder(
  ticks: readonly Tick[],
  before: State | null,
  after: State | null,
): readonly Tick[] {
  return sameShape(before, after) ? ticks : [];
}

function shapeOf(state: State | null): string {
  return JSON.stringify(state?.resources.map(({ name, lanes }) => [name, lanes]) ?? []);
}

/** How much a counter grew in the last minute; what began anew since then counts from 0. */
export function grownInAMinute(
  ticks: readonly Tick[],
  resource: number,
  lane: number,
  field: LaneField,
): number {
  const last = ticks.at(-1);
  if (last === undefined) return 0;
  let grown = 0;
  let next = numberOf(last.resources[resource]?.lanes[lane], field);
  for (let i = ticks.length - 2; i >= 0 && ticks[i]!.at >= last.at - 60_000; i--) {
    const count = numberOf(ticks[i]!.resources[resource]?.lanes[lane], field);
    grown += next >= count ? next - count : next;
    next = count;
  }
  return grown;
}

/** Whether anything ever came to a resource: nothing runs, waits or was counted. */
export function untouched(tick: Tick | undefined, resource: number): boolean {
  const lanes = tick?.resources[resource]?.lanes ?? [];
  const fields = ["waiting", "running", "finished", "failed", "shed", "cancelled"] as const;
  return lanes.every((lane) => fields.every((field) => numberOf(lane, field) === 0));
}
