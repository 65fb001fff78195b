/**
 * Weighted max-min fairness by water-filling, written from the definition and sharing nothing with the scheduler that
 * it judges: an allocation is fair when nobody can get more without taking from somebody who has less for its weight.
 *
 * All shares rise together in proportion to their weights. Whoever reaches its demand stops there, and the rest of the
 * water goes on rising under the others, until the capacity is used up or every demand is met.
 */

export interface Claim {
  readonly weight: number;
  /** The most it could use, in seats. */
  readonly demand: number;
}

/** The fair share of each claim, in seats and in the order of the claims. */
export function maxMinShares(capacity: number, claims: readonly Claim[]): number[] {
  const shares = claims.map(() => 0);
  // Whoever is satisfied at the lowest water level is settled first.
  const byLevel = claims.map((_, i) => i).sort((a, b) => levelOf(claims[a]!) - levelOf(claims[b]!));
  let left = capacity;
  let weights = claims.reduce((sum, { weight }) => sum + weight, 0);
  for (const i of byLevel) {
    const { weight, demand } = claims[i]!;
    const share = Math.min(demand, (left * weight) / weights);
    shares[i] = share;
    left -= share;
    weights -= weight;
  }
  return shares;
}

function levelOf({ weight, demand }: Claim): number {
  return demand / weight;
}
