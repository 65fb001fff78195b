/** Call sites, and what of a stack is shown of them. */

import type { Site } from "../../calls/nested-checkouts.ts";

const OURS = new URL("../../", import.meta.url).href;
/** The driver stands between us and its caller. */
const DRIVERS = /[/\\]node_modules[/\\]mysql2[/\\]/;

/** Up to whoever called an ORM, over a dozen lines of its own: there two checkouts are told apart, and found by a reader. */
const LINES = 50;

/** The place that runs now. */
export function siteHere(): Site {
  const site: Site = {};
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = LINES;
  Error.captureStackTrace(site);
  Error.stackTraceLimit = stackTraceLimit;
  return site;
}

/** The lines of a stack that say where, but for ours, the driver's and Node's. */
export function stackLines({ stack = "" }: Site): string {
  const lines = stack.split("\n").slice(1);
  const hidden = (line: string): boolean =>
    line.includes(OURS) || line.includes("(node:") || DRIVERS.test(line) || line.endsWith("(<anonymous>)");
  return lines.filter((line) => !hidden(line)).join("\n");
}
