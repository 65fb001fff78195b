/** Amounts of the kinds that budgets are kept in, as numbers in the order of `KINDS`: what the arithmetic is done on. */

import { knownKeys, number } from "../checks.ts";
import { invalid } from "../errors.ts";
import type { Cost } from "../options.ts";

/** The kinds, in the order of every list of amounts. */
export const KINDS = ["requests", "inputTokens", "outputTokens"] as const;
export type Kind = (typeof KINDS)[number];

/** One number for each kind. */
export type Amounts = readonly [requests: number, inputTokens: number, outputTokens: number];

/** What a task costs that says nothing: one request. */
export const ONE_REQUEST: Amounts = [1, 0, 0];

const MOST = Number.MAX_SAFE_INTEGER;
const KNOWN: ReadonlySet<string> = new Set(KINDS);

/**
 * A cost, checked; the kinds that it leaves out come from `otherwise`.
 *
 * @throws LanewayError `LANEWAY_INVALID`, naming the kind.
 */
export function amountsOf(at: string, cost: Cost | undefined, otherwise: Amounts): Amounts {
  if (cost === undefined) return otherwise;
  if (typeof cost !== "object" || cost === null)
    throw invalid(at, `an object with ${KINDS.join(", ")}`, cost);
  knownKeys(at, cost, KNOWN);
  const { requests, inputTokens, outputTokens } = cost;
  return [
    requests === undefined ? otherwise[0] : number(`${at}.requests`, requests, 0, MOST),
    inputTokens === undefined ? otherwise[1] : number(`${at}.inputTokens`, inputTokens, 0, MOST),
    outputTokens === undefined ? otherwise[2] : number(`${at}.outputTokens`, outputTokens, 0, MOST),
  ];
}
