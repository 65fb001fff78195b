/** Keys, budgets and fallbacks of a policy, for people. Keys are counted, never shown. */

import type { Cost } from "../core/options.ts";
import { budgetClass, commonSizes, namedSizes } from "../policy/budgets.ts";
import { fallbackOf } from "../policy/fallback.ts";
import type { Fallback, PolicyResource } from "../policy/policy.ts";
import { PROVIDERS } from "../providers/known.ts";

/** What a call of one lane may use; what the policy does not say is undefined. */
export interface CallFacts {
  /** How many keys share the load; undefined where the caller's own credential passes. */
  readonly keys: number | undefined;
  /** The names of the budgets that the call may be charged to, and their sizes a minute. */
  readonly budgets: (Cost & { readonly names: readonly string[] }) | undefined;
  readonly fallback: Fallback | undefined;
}

/** Looks up what a call of `model` in `lane` would use; without a model the budgets are those of most models. */
export function callFacts(resource: PolicyResource, lane: string, model: string | undefined): CallFacts {
  const { laneKeys, keys, budgets, provider } = resource;
  const count = (laneKeys[lane] ?? keys).length;
  const fallback = fallbackOf(resource, lane);
  const facts = { keys: count === 0 ? undefined : count, fallback };
  if (budgets === undefined) return { ...facts, budgets: undefined };
  if (provider !== "anthropic" && provider !== "openai")
    return { ...facts, budgets: { names: ["the resource's own"], ...commonSizes(budgets) } };
  const own = laneKeys[lane] === undefined ? "" : `${lane}-`;
  const among = count === 0 ? ["caller"] : Array.from({ length: count }, (_, index) => `${own}${index}`);
  const models =
    model === undefined ? "(model)" : (budgetClass(budgets, model) ?? PROVIDERS[provider].classOf(model));
  const sizes = (model === undefined ? undefined : namedSizes(budgets, models)) ?? commonSizes(budgets);
  return { ...facts, budgets: { names: among.map((key) => `${key}/${models}`), ...sizes } };
}

/** `"4000 requests, 80000 output tokens a minute"`. */
export function sizesText({ requests, inputTokens, outputTokens }: Cost): string {
  const parts = [
    requests === undefined ? [] : `${requests} requests`,
    inputTokens === undefined ? [] : `${inputTokens} input tokens`,
    outputTokens === undefined ? [] : `${outputTokens} output tokens`,
  ].flat();
  return parts.length === 0 ? "unlimited" : `${parts.join(", ")} a minute`;
}

/** The rows that `explain` shows of a call, those that the policy has something to say about. */
export function callRows({ keys, budgets, fallback }: CallFacts): string[][] {
  const rows: string[][] = [];
  if (keys !== undefined) rows.push(["keys", `${keys} of the policy, instead of the caller's own`]);
  if (budgets !== undefined) {
    const each = budgets.names.length === 1 ? "" : " each";
    rows.push(["budgets", `${budgets.names.join(", ")}: ${sizesText(budgets)}${each}`]);
  }
  if (fallback !== undefined)
    rows.push([
      "fallback",
      fallback.resource === undefined ? `model ${fallback.model}` : `resource ${fallback.resource}`,
    ]);
  return rows;
}

/** One line for each set of budgets of a resource, for `check`: its models, and the sizes. Empty: it has none. */
export function budgetRows({ name, keys, laneKeys, budgets }: PolicyResource): string[][] {
  if (budgets === undefined) return [];
  const own = Object.entries(laneKeys).map(([lane, { length }]) => `${length} of ${lane}`);
  const count = [...(keys.length === 0 ? [] : [String(keys.length)]), ...own].join(" + ") || "-";
  const common = commonSizes(budgets);
  const all = budgets.models.map(({ pattern }) => [pattern, namedSizes(budgets, pattern) ?? common] as const);
  return [...all, [all.length === 0 ? "all" : "others", common] as const].map(([models, sizes]) => [
    name,
    count,
    models,
    ...[sizes.requests, sizes.inputTokens, sizes.outputTokens].map((size) => String(size ?? "-")),
  ]);
}
