/** How long an upstream asked to be left alone. */

import type { HeaderOf } from "./provider.ts";

/** The longest that a timer can wait, which is longer than anyone will. */
const MAX_MS = 2 ** 31 - 1;

/**
 * Milliseconds from `retry-after-ms`, else from `retry-after`, in seconds or as a date. Undefined when the upstream says
 * nothing that can be read, or no time at all. A date counts from the reply's own `date`: the two clocks may differ.
 */
export function retryAfterMs(header: HeaderOf): number | undefined {
  return positive(header("retry-after-ms"), 1) ?? positive(header("retry-after"), 1_000) ?? untilDate(header);
}

function positive(text: string | undefined, unitMs: number): number | undefined {
  const count = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
  return count > 0 ? Math.min(MAX_MS, Math.ceil(count * unitMs)) : undefined;
}

function untilDate(header: HeaderOf): number | undefined {
  const until = Date.parse(header("retry-after") ?? "") - Date.parse(header("date") ?? "");
  return until > 0 ? Math.min(MAX_MS, until) : undefined;
}
