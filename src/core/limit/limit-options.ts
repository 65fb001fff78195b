/** The options of an adaptive limit, checked and completed. */

import { knownKeys, whole } from "../checks.ts";
import { invalid } from "../errors.ts";
import type { LimitOptions } from "../options.ts";

export interface AdaptiveConfig {
  readonly min: number;
  readonly max: number;
  readonly start: number;
}

/** What an adaptive limit is when its options leave it open. */
export const ADAPTIVE_DEFAULTS: AdaptiveConfig = { min: 2, max: 1_000, start: 20 };

const MOST_SEATS = 1_000_000;
const KEYS: ReadonlySet<string> = new Set(["adaptive", "min", "max", "start", "saturation"]);

/**
 * Checks the options of an adaptive limit.
 *
 * @throws LanewayError `LANEWAY_INVALID`, naming the option.
 */
export function limitOptions(at: string, options: LimitOptions): AdaptiveConfig {
  const place = `${at}: limit`;
  knownKeys(place, options, KEYS);
  if (!options.adaptive)
    throw invalid(`${place}.adaptive`, "true, or a number of seats for the limit itself", options.adaptive);
  const { saturation } = options;
  if (saturation !== undefined && typeof saturation !== "function")
    throw invalid(`${place}.saturation`, "a function", saturation);
  const min = whole(
    `${place}.min`,
    options.min ?? smaller(ADAPTIVE_DEFAULTS.min, options),
    1,
    MOST_SEATS,
    "seats",
  );
  const max = whole(
    `${place}.max`,
    options.max ?? Math.max(ADAPTIVE_DEFAULTS.max, min),
    min,
    MOST_SEATS,
    "seats",
  );
  const start = whole(
    `${place}.start`,
    options.start ?? Math.min(max, Math.max(min, ADAPTIVE_DEFAULTS.start)),
    min,
    max,
    "seats",
  );
  return { min, max, start };
}

/** A most of one seat allows no least of two. */
function smaller(min: number, { max }: LimitOptions): number {
  return typeof max === "number" && max >= 1 ? Math.min(min, max) : min;
}
