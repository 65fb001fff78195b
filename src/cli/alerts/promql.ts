/** Pieces of PromQL. */

import { BOUNDS } from "../../metrics/family.ts";

/** Which series are meant. */
export interface Which {
  readonly scrapedAs?: string | undefined;
  readonly lane?: string | undefined;
}

/** `{lane="critical",outcome="admitted"}`; nothing where everything is meant. */
export function matchers({ scrapedAs, lane }: Which, more: string): string {
  const parts = [
    scrapedAs === undefined ? "" : `job=${JSON.stringify(scrapedAs)}`,
    lane === undefined ? "" : `lane=${JSON.stringify(lane)}`,
    more,
  ].filter((part) => part !== "");
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

/** A name as a regular expression inside a string of PromQL. */
export function regex(name: string): string {
  const pattern = name.replace(/[\\^$.*+?()[\]{}|]/g, (character) => `\\${character}`);
  return JSON.stringify(pattern).slice(1, -1);
}

/**
 * How many waits were no longer than `seconds`. Between two bounds they are taken to be spread evenly, as
 * `histogram_quantile` takes them. `of` gives the count up to the bound that a matcher names.
 */
export function inTime(seconds: number, of: (le: string) => string): string {
  const bounds = BOUNDS.slice(0, -1).map(Number);
  const above = bounds.findIndex((bound) => bound >= seconds);
  const upper = bounds[above]!;
  if (upper === seconds) return of(le(upper));
  const lower = bounds[above - 1];
  const part = Number(((seconds - (lower ?? 0)) / (upper - (lower ?? 0))).toPrecision(4));
  if (lower === undefined) return `${part} * ${of(le(upper))}`;
  return [`${Number((1 - part).toPrecision(4))} * ${of(le(lower))}`, `${part} * ${of(le(upper))}`].join(
    "\n  + ",
  );
}

/** Prometheus 3 writes a whole bound as `10.0`, earlier ones as it was sent. */
function le(bound: number): string {
  return Number.isInteger(bound) ? `le=~"${bound}(\\\\.0)?"` : `le="${bound}"`;
}
