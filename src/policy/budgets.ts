/** Rate budgets of a policy: which models share one, and how large it is. */

import type { Cost } from "../core/options.ts";
import { valueMatcher } from "./pattern.ts";
import type { Matcher } from "./pattern.ts";
import type { PolicyBudgets } from "./policy.ts";

interface Compiled {
  readonly pattern: string;
  readonly matches: Matcher;
  readonly sizes: Cost;
}

/** A policy is never changed in place, so its patterns are compiled once. */
const compiledOf = new WeakMap<PolicyBudgets, readonly Compiled[]>();

/**
 * The pattern of `models` that a model matches, the first in the order of the file: all models that it matches share
 * budgets of that name. Undefined: the policy puts the model into no class of its own.
 *
 * @example
 * budgetClass(policy.resources["claude"]?.budgets, "claude-haiku-4-5"); // => "claude-haiku-*"
 */
export function budgetClass(budgets: PolicyBudgets | undefined, model: string): string | undefined {
  return budgets === undefined ? undefined : compiled(budgets).find(({ matches }) => matches(model))?.pattern;
}

/**
 * The sizes of one named budget, `<key>/<class>`, where they differ from those of the resource; undefined where they do
 * not. The class is a pattern of the policy, or a model, which the patterns are then tried on.
 *
 * @example
 * namedSizes(budgets, "0/claude-haiku-*"); // => { requests: 8000, inputTokens: 400000 }
 */
export function namedSizes(budgets: PolicyBudgets, name: string): Cost | undefined {
  const models = name.slice(name.indexOf("/") + 1);
  // The resource's own budget has no name, and is of no model, whatever a pattern such as * would match.
  if (models === "") return undefined;
  // A pattern matches itself, read as text.
  return compiled(budgets).find(({ matches }) => matches(models))?.sizes;
}

/** The sizes that hold for every budget without a pattern of its own. */
export function commonSizes({ requests, inputTokens, outputTokens }: Cost): Cost {
  return {
    ...(requests === undefined ? {} : { requests }),
    ...(inputTokens === undefined ? {} : { inputTokens }),
    ...(outputTokens === undefined ? {} : { outputTokens }),
  };
}

function compiled(budgets: PolicyBudgets): readonly Compiled[] {
  const known = compiledOf.get(budgets);
  if (known !== undefined) return known;
  const common = commonSizes(budgets);
  const made = budgets.models.map(({ pattern, ...own }) => ({
    pattern,
    matches: valueMatcher(pattern),
    sizes: { ...common, ...commonSizes(own) },
  }));
  compiledOf.set(budgets, made);
  return made;
}
