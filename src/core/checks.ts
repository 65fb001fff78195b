/** Checks of single options. Past the files that call these every number is finite and within its bounds. */

import { invalid } from "./errors.ts";

/** A year: no bound of ours may be infinite, and no timer longer than this means anything. */
export const LONGEST_MS: number = 365 * 86_400_000;

/** The options of an object are these and no others. */
export function knownKeys(at: string, options: object, known: ReadonlySet<string>): void {
  for (const key of Object.keys(options))
    if (!known.has(key)) throw invalid(at, `one of the options ${[...known].join(", ")}`, key);
}

/** A finite number within bounds, or an error that names both. */
export function number(at: string, value: unknown, least: number, most: number): number {
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw invalid(at, `a number from ${least} to ${most}`, value);
}

/** A whole number within bounds, or an error that names both. */
export function whole(at: string, value: unknown, least: number, most: number, unit = ""): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most)
    return value as number;
  throw invalid(at, `a whole number from ${least} to ${most}${unit === "" ? "" : ` (${unit})`}`, value);
}
