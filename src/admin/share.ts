/** What each lane is due of a limit at this moment, to hold beside what it got: whether the lanes hold, as two numbers. */

/** A lane as it stands. */
export interface Demand {
  /** Seats that it could use: those it holds and those its waiters want. */
  readonly wanted: number;
  readonly reservation: number;
  readonly floor: number;
  readonly ceiling: number;
  readonly weight: number;
}

/**
 * Seats due to each lane, most important first: what it wants of its reservation; then what is left by rank, or by weight
 * until each has what it wants (progressive filling, which is weighted max-min fairness). Floors of idle lanes are kept.
 *
 * @example
 * seatsDue(4, "strict", [critical, bulk]); // => [1, 3]
 */
export function seatsDue(limit: number, order: "strict" | "weighted", lanes: readonly Demand[]): number[] {
  const wanted = lanes.map((lane) => Math.min(lane.wanted, lane.ceiling));
  const due = lanes.map((lane, i) => Math.min(wanted[i]!, lane.reservation));
  const kept = lanes.reduce((sum, lane, i) => sum + Math.max(0, lane.floor - due[i]!), 0);
  let left = Math.max(0, limit - kept - due.reduce((sum, seats) => sum + seats, 0));
  if (order === "strict") {
    for (const i of lanes.keys()) {
      const more = Math.min(left, wanted[i]! - due[i]!);
      due[i]! += more;
      left -= more;
    }
    return due;
  }
  let hungry = [...lanes.keys()].filter((i) => wanted[i]! > due[i]!);
  while (left > 1e-9 && hungry.length > 0) {
    const weights = hungry.reduce((sum, i) => sum + lanes[i]!.weight, 0);
    const round = Math.min(left / weights, ...hungry.map((i) => (wanted[i]! - due[i]!) / lanes[i]!.weight));
    for (const i of hungry) due[i]! += round * lanes[i]!.weight;
    left -= round * weights;
    hungry = hungry.filter((i) => wanted[i]! - due[i]! > 1e-9);
  }
  return due;
}
