/** The options of budgets, checked and completed. */

import { LONGEST_MS, knownKeys, number } from "../checks.ts";
import { invalid } from "../errors.ts";
import type { BudgetOptions, Cost } from "../options.ts";
import { KINDS } from "./amounts.ts";

/** Sizes of budgets, for a minute. */
export interface BudgetConfig {
  /** Where they were given, for messages. */
  readonly at: string;
  readonly sizes: Cost;
  readonly of: ((name: string) => Cost | undefined) | undefined;
  readonly spreadMs: number;
}

const LEAST = 1e-6;
const MOST = 1e15;
const KNOWN: ReadonlySet<string> = new Set([...KINDS, "of", "spreadMs"]);
const KNOWN_SIZES: ReadonlySet<string> = new Set(KINDS);

/** @throws LanewayError `LANEWAY_INVALID`, naming the option. */
export function budgetConfig(at: string, budgets: BudgetOptions): BudgetConfig {
  if (typeof budgets !== "object" || budgets === null)
    throw invalid(at, `an object with ${[...KNOWN].join(", ")}`, budgets);
  knownKeys(at, budgets, KNOWN);
  const { of, spreadMs } = budgets;
  if (of !== undefined && typeof of !== "function")
    throw invalid(`${at}.of`, "a function from a budget's name to its sizes", of);
  return {
    at,
    sizes: sizes(at, budgets),
    of,
    spreadMs: number(`${at}.spreadMs`, spreadMs ?? 0, 0, LONGEST_MS),
  };
}

/**
 * What one named budget gets in a minute.
 *
 * @throws LanewayError `LANEWAY_INVALID` when `of` gives something else.
 */
export function sizesFor({ at, sizes: common, of }: BudgetConfig, name: string): Cost {
  const own = of?.(name);
  if (own === undefined) return common;
  const place = `${at}.of(${JSON.stringify(name)})`;
  if (typeof own !== "object" || own === null)
    throw invalid(place, `an object with ${KINDS.join(", ")}, or undefined`, own);
  knownKeys(place, own, KNOWN_SIZES);
  return { ...common, ...sizes(place, own) };
}

function sizes(at: string, cost: Cost): Cost {
  const found: [string, number][] = [];
  for (const kind of KINDS) {
    const size = cost[kind];
    if (size !== undefined) found.push([kind, number(`${at}.${kind}`, size, LEAST, MOST)]);
  }
  return Object.fromEntries(found);
}
