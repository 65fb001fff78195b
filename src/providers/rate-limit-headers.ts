/** Reads an upstream's books from its headers; the names of the headers are the provider's. */

import type { Cost } from "../core/options.ts";
import type { HeaderOf, RateLimits } from "./provider.ts";

/** The three headers of one allowance. */
export interface LimitHeaders {
  readonly limit: string;
  readonly left: string;
  readonly reset: string;
}

/** One allowance, as far as its headers can be read. */
export interface Allowance {
  readonly left: number | undefined;
  readonly limit: number | undefined;
  readonly resetMs: number | undefined;
}

/**
 * Reads one allowance. A limit that is not positive means that there is none, and what is left of it means nothing
 * (some servers answer 0 or -1 throughout). Without a limit, a 0 may be either, so it is passed by too.
 */
export function allowanceOf(
  header: HeaderOf,
  names: LimitHeaders,
  resetMsOf: (text: string) => number | undefined,
): Allowance | undefined {
  const limit = numberOf(header(names.limit));
  const left = numberOf(header(names.left));
  if (limit !== undefined && limit <= 0) return undefined;
  const known = left !== undefined && (limit === undefined ? left > 0 : left >= 0) ? left : undefined;
  if (limit === undefined && known === undefined) return undefined;
  const reset = header(names.reset);
  return { left: known, limit, resetMs: reset === undefined ? undefined : resetMsOf(reset) };
}

/** Puts allowances together by kind; undefined when there is none. */
export function rateLimitsOf(
  allowances: Readonly<Record<keyof Cost, Allowance | undefined>>,
): RateLimits | undefined {
  const limits = { left: {}, limit: {}, resetMs: {} } satisfies RateLimits;
  let some = false;
  for (const kind of KINDS) {
    const allowance = allowances[kind];
    if (allowance === undefined) continue;
    some = true;
    note(limits.left, kind, allowance.left);
    note(limits.limit, kind, allowance.limit);
    note(limits.resetMs, kind, allowance.resetMs);
  }
  return some ? limits : undefined;
}

const KINDS = ["requests", "inputTokens", "outputTokens"] as const;

function note(
  cost: { -readonly [Kind in keyof Cost]: Cost[Kind] },
  kind: keyof Cost,
  value: number | undefined,
): void {
  if (value !== undefined) cost[kind] = value;
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  // An empty text would count as 0.
  const value = text === "" || text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}
