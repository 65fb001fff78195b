/** The scales of a chart: the same for its sketch, which the server draws, and for the canvas that takes its place. */

/** What is drawn and, in one list, what it is held against. */
export interface Scaled {
  /** A log scale from 1 up, for what spans decades; values below are drawn at 1. */
  readonly log?: boolean;
  /** Lines to hold the others against, in the colour of their lanes. */
  readonly goals?: readonly { readonly lane: string; readonly value: number }[];
}

/** Pixels: all of it, and around the lines. */
export const HEIGHT = 190;
export const ABOVE = 8;
export const RIGHT = 8;
export const BELOW = 26;
export const LEFT = 58;

const LEAST_SECONDS = 60;
const MOST_SECONDS = 300;

/** From when to when, in seconds: what is there, but at least a minute and at most five. */
export function spanOf(first: number, last: number): [number, number] {
  return [Math.min(Math.max(first, last - MOST_SECONDS), last - LEAST_SECONDS), last];
}

/** From what to what. On a log scale with room for the goals as well: what is far from being missed should look so. */
export function rangeOf({ log, goals = [] }: Scaled, high: number): [number, number] {
  if (log !== true) return [0, Math.max(4, high * 1.1)];
  return [1, 1.8 * Math.max(100, high, ...goals.map(({ value }) => value))];
}

/** Where a log scale has its lines. */
export function decades(high: number): number[] {
  return Array.from({ length: Math.floor(Math.log10(high)) + 1 }, (_none, i) => 10 ** i);
}
