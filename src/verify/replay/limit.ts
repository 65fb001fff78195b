import type { Limit } from "../../core/limit/limit.ts";

/** A move of a limit, as it was recorded. */
export interface Move {
  readonly atMs: number;
  readonly seats: number;
}

/**
 * A learned limit in a replay: what it was when it was recorded, within the bounds of the policy that is tried. What it
 * would have learned from other arrivals nobody knows, for that is a question to the service behind it.
 */
export class FollowedLimit implements Limit {
  current: number;
  readonly #moves: readonly Move[];
  readonly #min: number;
  readonly #max: number;
  readonly #pinnedAt: number;
  #next = 0;
  #least = 1;
  #changed = (): void => undefined;

  /** Where it stood at `pinnedAt`, the bound of the policy it was recorded under, it would have gone on to a higher one. */
  constructor(
    moves: readonly Move[],
    bounds: { readonly min: number; readonly max: number; readonly start: number; readonly pinnedAt: number },
  ) {
    this.#moves = moves;
    this.#min = bounds.min;
    this.#max = bounds.max;
    this.#pinnedAt = bounds.pinnedAt;
    this.current = this.#within(bounds.start);
  }

  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  atLeast(seats: number): void {
    this.#least = seats;
    this.current = this.#within(this.current);
  }

  /** When it moves next; Infinity when it does no more. */
  get nextAt(): number {
    return this.#moves[this.#next]?.atMs ?? Infinity;
  }

  move(): void {
    const seats = this.#within(this.#moves[this.#next++]!.seats);
    if (seats === this.current) return;
    this.current = seats;
    this.#changed();
  }

  #within(seats: number): number {
    const wanted = seats >= this.#pinnedAt ? this.#max : seats;
    return Math.min(this.#max, Math.max(this.#min, this.#least, wanted));
  }
}
