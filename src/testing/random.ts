/**
 * Chance that repeats: the same seed gives the same numbers, on every machine.
 *
 * A 32-bit counter through the finaliser of MurmurHash3 (Appleby), which is enough for a simulation and nothing else.
 *
 * @example
 * const random = seeded(7);
 * random.next(); // from 0 up to, not including, 1
 */
export interface Random {
  readonly seed: number;
  /** From 0 up to, not including, 1. */
  next(): number;
  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number;
  /** One of the items. */
  pick<T>(items: readonly T[]): T;
  /** Exponentially distributed with this mean: the gaps of a Poisson process. */
  exponential(mean: number): number;
}

/** Chance from a seed; see `Random`. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x9e37_79b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  }
  return {
    seed,
    next,
    whole: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick: (items) => items[Math.floor(next() * items.length)]!,
    exponential: (mean) => -Math.log(1 - next()) * mean,
  };
}
