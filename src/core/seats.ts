/**
 * What each lane is due of a limit, in whole seats: pure arithmetic, done once per change of limit or lanes.
 *
 *   reservation   guaranteed while the lane has work
 *   floor         the part of the reservation that is kept for the lane even while idle
 *   ceiling       the most it may hold
 *   hold          the most it could ever hold: its ceiling, or the limit less the other lanes' floors
 */

import type { Percent } from "./options.ts";

export interface ShareSpec {
  readonly reservation: number | Percent;
  readonly lendable: number | Percent;
  readonly ceiling: number | Percent;
  /** A paused lane holds nothing, and its guarantees are the others' meanwhile. */
  readonly state?: "open" | "paused" | "draining";
}

export interface Share {
  readonly reservation: number;
  readonly floor: number;
  readonly ceiling: number;
  readonly hold: number;
}

/** Percentages are binary fractions: 0.1 + 0.2 of 10 must still be 3 seats. */
const ROUNDING = 1e-9;

/**
 * Seats of each lane, most important first. Percentages follow the limit by largest remainder, ties to the higher
 * lane; what fixed seats and floors ask beyond the limit is cut from the lowest lane up.
 *
 * @example
 * shares(8, fiveDefaultLanes).map((share) => share.reservation); // => [3, 2, 2, 1, 0]
 */
export function shares(limit: number, specs: readonly ShareSpec[]): Share[] {
  const ceilings = specs.map((spec) => ceilingSeats(spec.ceiling, limit));
  const now = specs.map(({ state }, i) => (state === "paused" ? 0 : ceilings[i]!));
  const wanted = reservedSeats(limit, specs);
  const reservations = cutFromTheLowest(
    wanted.map((seats, i) => Math.min(seats, now[i]!)),
    limit,
  );
  const floors = cutFromTheLowest(
    reservations.map((seats, i) => floorSeats(seats, specs[i]!.lendable)),
    limit - 1,
  );
  const floorsInAll = floors.reduce((sum, floor) => sum + floor, 0);
  return specs.map((_, i) => ({
    reservation: reservations[i]!,
    floor: floors[i]!,
    ceiling: now[i]!,
    hold: Math.min(ceilings[i]!, limit - floorsInAll + floors[i]!),
  }));
}

/** Seats asked for before anything is cut; the sum may pass the limit when fixed numbers do. */
export function reservedSeats(limit: number, specs: readonly ShareSpec[]): number[] {
  const exact = specs.map(({ reservation }) =>
    typeof reservation === "string" ? (percent(reservation) * limit) / 100 : 0,
  );
  const seats = exact.map((share) => Math.floor(share + ROUNDING));
  let left =
    Math.floor(exact.reduce((sum, share) => sum + share, 0) + ROUNDING) -
    seats.reduce((sum, n) => sum + n, 0);
  const byRemainder = exact
    .map((share, rank) => ({ rank, remainder: share - seats[rank]! }))
    .filter(({ remainder }) => remainder > ROUNDING)
    .sort((a, b) =>
      Math.abs(b.remainder - a.remainder) > ROUNDING ? b.remainder - a.remainder : a.rank - b.rank,
    );
  for (const { rank } of byRemainder) if (left-- > 0) seats[rank]!++;
  return specs.map(({ reservation }, rank) => (typeof reservation === "number" ? reservation : seats[rank]!));
}

/**
 * The part of every budget that is kept for each lane, most important first: its floor, as a part of the whole. Together
 * they leave at least as much as one seat is of the limit, cut from the lowest lane up.
 *
 * @example
 * floorParts(8, fiveDefaultLanes); // => [0.2, 0, 0, 0, 0]
 */
export function floorParts(limit: number, specs: readonly ShareSpec[]): number[] {
  let left = 1 - 1 / limit;
  return specs.map((spec) => {
    const reserved = reservedPart(limit, spec);
    const { lendable } = spec;
    const kept =
      typeof lendable === "number" ? reserved - lendable / limit : reserved * (1 - percent(lendable) / 100);
    const part = Math.max(0, Math.min(kept, left));
    left -= part;
    return part;
  });
}

/** A reservation as a part of the limit. */
export function reservedPart(limit: number, { reservation }: ShareSpec): number {
  return typeof reservation === "string" ? percent(reservation) / 100 : Math.min(1, reservation / limit);
}

/** The number in "40%". */
export function percent(text: Percent): number {
  return Number(text.slice(0, -1));
}

function ceilingSeats(ceiling: number | Percent, limit: number): number {
  if (typeof ceiling === "number") return Math.min(ceiling, limit);
  return Math.max(1, Math.min(limit, Math.floor((percent(ceiling) * limit) / 100 + ROUNDING)));
}

/** The part of a reservation that is kept for its lane, in seats. */
export function floorSeats(reservation: number, lendable: number | Percent): number {
  if (typeof lendable === "number") return Math.max(0, reservation - lendable);
  return Math.floor(reservation * (1 - percent(lendable) / 100) + ROUNDING);
}

function cutFromTheLowest(seats: readonly number[], most: number): number[] {
  let left = Math.max(0, most);
  return seats.map((wanted) => {
    const granted = Math.min(wanted, left);
    left -= granted;
    return granted;
  });
}
