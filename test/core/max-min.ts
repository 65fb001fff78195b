/**
 * Weighted max-min fair shares by water-filling: raise everybody's share in step with their weight; whoever has all that
 * they can use drops out, and the others go on. Written from the definition, with nothing of the scheduler in it.
 */

export interface Demand {
  readonly weight: number;
  /** The most that it could use, in the unit of the capacity. */
  readonly most: number;
}

export function maxMinShares(capacity: number, demands: readonly Demand[]): number[] {
  const shares = demands.map(() => 0);
  let left = capacity;
  let open = demands.map((_, i) => i);
  while (open.length > 0 && left > 1e-12) {
    const weights = open.reduce((sum, i) => sum + demands[i]!.weight, 0);
    // The level at which the next one is satisfied, or at which nothing is left.
    const step = Math.min(left / weights, ...open.map((i) => (demands[i]!.most - shares[i]!) / demands[i]!.weight));
    for (const i of open) shares[i]! += step * demands[i]!.weight;
    left -= step * weights;
    open = open.filter((i) => demands[i]!.most - shares[i]! > 1e-9);
  }
  return shares;
}
