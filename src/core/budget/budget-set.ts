import type { NamedBudget } from "./named-budget.ts";

/** The budgets of which a task needs one, whichever. Tasks that name the same ones share one of these. */
export class BudgetSet {
  readonly key: string;
  readonly budgets: readonly NamedBudget[];

  constructor(key: string, budgets: readonly NamedBudget[]) {
    this.key = key;
    this.budgets = budgets;
    for (const budget of budgets) budget.sets.add(this);
  }
}
