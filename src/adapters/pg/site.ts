/** Call sites, and what of a stack is shown of them. */

import type { Site } from "../../calls/nested-checkouts.ts";

const OURS = new URL("../../", import.meta.url).href;

/** Up to whoever called an ORM, over a dozen lines of its own: there two checkouts are told apart, and found by a reader. */
const LINES = 50;

/** The place that called this function, which must be running. */
export function siteOf(callee: ((...given: never[]) => unknown) | undefined): Site {
  const site: Site = {};
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = LINES;
  Error.captureStackTrace(site, callee);
  Error.stackTraceLimit = stackTraceLimit;
  return site;
}

/** The place that runs now. */
export function siteHere(): Site {
  return siteOf(undefined);
}

/** The lines of a stack that say where, from the first that is not ours; Node's say nothing. */
export function stackLines({ stack = "" }: Site): string {
  const lines = stack.split("\n").slice(1);
  return lines.filter((line) => !line.includes(OURS) && !line.includes("(node:")).join("\n");
}
