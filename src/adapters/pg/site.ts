/** Call sites, and what of a stack is shown of them. */

import type { Site } from "../../calls/nested-checkouts.ts";

const OURS = new URL("../../", import.meta.url).href;

/** Our own lines and the driver's between a query and here, which must not crowd it out. */
const BETWEEN = 12;

/** The place that called this function, which must be running. */
export function siteOf(callee: (...given: never[]) => unknown): Site {
  const site: Site = {};
  Error.captureStackTrace(site, callee);
  return site;
}

/** The place that runs now, from further away: each line that is kept costs time. */
export function siteHere(): Site {
  const site: Site = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = limit + BETWEEN;
  Error.captureStackTrace(site);
  Error.stackTraceLimit = limit;
  return site;
}

/** The lines of a stack that say where, from the first that is not ours. */
export function stackLines({ stack = "" }: Site): string {
  const lines = stack.split("\n").slice(1);
  return lines.filter((line) => !line.includes(OURS)).join("\n");
}
