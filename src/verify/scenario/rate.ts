/** How often something is asked, as people write it: so many a second, or a part of what the service can do. */

import { parseRate } from "../../policy/units.ts";

/** Calls a second, or a fraction of the service's own rate, which may be above 1. */
export interface Rate {
  readonly of: "second" | "capacity";
  readonly value: number;
}

const PERCENT = /^(\d+(?:\.\d+)?)%$/;
const PARTS_MAX = 1_000;

/**
 * `"40/s"` → 40 a second; `"2400/min"` the same; `"240%"` → 2.4 of the capacity; `"0%"` → nothing. Undefined for what
 * cannot be read.
 */
export function parseRateText(text: string): Rate | undefined {
  const percent = PERCENT.exec(text);
  if (percent !== null) {
    const value = Number(percent[1]) / 100;
    return value <= PARTS_MAX ? { of: "capacity", value } : undefined;
  }
  const perMinute = parseRate(text);
  return perMinute === undefined ? undefined : { of: "second", value: perMinute / 60 };
}

/** Calls a second, for a service that can do `capacity` of them. */
export function perSecond(rate: Rate, capacity: number): number {
  return rate.of === "second" ? rate.value : rate.value * capacity;
}
