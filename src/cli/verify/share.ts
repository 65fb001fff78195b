/** What each lane got of what was served while more was asked than the service can do, and what its policy owed it. */

import { seatsDue } from "../../admin/share.ts";
import type { Percent } from "../../core/options.ts";
import type { Scenario } from "../../verify/scenario/scenario.ts";
import type { LaneTally } from "../../verify/overload/tally.ts";

/** What a policy guarantees a lane. */
export interface Guarantee {
  readonly name: string;
  readonly reservation: number | Percent;
  readonly lendable: number | Percent;
  readonly ceiling: number | Percent | undefined;
  readonly weight: number;
}

/** The lanes of a service as its policy has them, most important first. */
export interface Guarantees {
  readonly order: "strict" | "weighted";
  /** Undefined: it is learned, and seats that are given as numbers are no known part of it. */
  readonly limit: number | undefined;
  readonly lanes: readonly Guarantee[];
}

/** From 0 to 1; `due` where a policy says what is owed. */
export interface Share {
  readonly got: number;
  readonly due?: number;
}

/**
 * One for each lane of the load. What was served counts in the second in which it was: the backlog of the lowest lane is
 * served later, when nobody else asks for it. Without a second beyond capacity it is of the whole run, and nothing was owed.
 */
export function sharesOf(
  scenario: Scenario,
  tallies: readonly LaneTally[],
  capacity: number,
  guarantees: Guarantees | undefined,
): Share[] {
  const seconds = tallies[0]?.seconds.map((_, at) => at) ?? [];
  const beyond = seconds.filter(
    (at) => tallies.reduce((sum, { seconds: all }) => sum + all[at]!.offered, 0) > capacity,
  );
  const counted = beyond.length > 0 ? beyond : seconds;
  const sum = (tally: LaneTally, count: "delivered" | "offered"): number =>
    counted.reduce((total, at) => total + tally.seconds[at]![count], 0);
  const served = tallies.map((tally) => sum(tally, "delivered"));
  const all = served.reduce((total, count) => total + count, 0);
  const got = served.map((count) => (all === 0 ? 0 : count / all));
  const offered = tallies.map((tally) => sum(tally, "offered") / Math.max(1, counted.length));
  const due =
    beyond.length === 0 || guarantees === undefined
      ? undefined
      : dueOf(scenario, offered, capacity, guarantees);
  return got.map((share, at) => (due?.[at] === undefined ? { got: share } : { got: share, due: due[at] }));
}

/** Calls a second stand for seats: a lane that is owed two fifths of the seats is owed two fifths of what they do. */
function dueOf(
  scenario: Scenario,
  offered: readonly number[],
  capacity: number,
  { order, limit, lanes }: Guarantees,
): number[] | undefined {
  const part = (amount: number | Percent): number | undefined => {
    if (typeof amount === "number")
      return amount === 0 ? 0 : limit === undefined ? undefined : (amount / limit) * capacity;
    return (Number(amount.slice(0, -1)) / 100) * capacity;
  };
  const demands = lanes.map(({ name, reservation, lendable, ceiling, weight }) => {
    const wanted = scenario.lanes.reduce((sum, lane, at) => sum + (lane.lane === name ? offered[at]! : 0), 0);
    const reserved = part(reservation);
    const most = ceiling === undefined ? capacity : part(ceiling);
    if (reserved === undefined || most === undefined) return undefined;
    return { wanted, reservation: reserved, floor: floorOf(reserved, lendable, part), ceiling: most, weight };
  });
  if (demands.some((demand) => demand === undefined)) return undefined;
  const due = seatsDue(
    capacity,
    order,
    demands.map((demand) => demand!),
  );
  const all = due.reduce((sum, calls) => sum + calls, 0);
  if (all === 0) return undefined;
  // Entries that claim the same lane share what it is owed as they ask for it.
  return scenario.lanes.map(({ lane }, at) => {
    const number = lanes.findIndex(({ name }) => name === lane);
    const demand = demands[number];
    if (demand === undefined || demand.wanted === 0) return 0;
    return ((due[number]! / all) * offered[at]!) / demand.wanted;
  });
}

function floorOf(
  reserved: number,
  lendable: number | Percent,
  part: (amount: number | Percent) => number | undefined,
): number {
  if (typeof lendable === "number") return Math.max(0, reserved - (part(lendable) ?? reserved));
  return reserved * (1 - Number(lendable.slice(0, -1)) / 100);
}
