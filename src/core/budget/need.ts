/** What one task needs of its budgets: an estimate before it starts, a charge while it runs. */

import { LONGEST_MS, number } from "../checks.ts";
import { invalid } from "../errors.ts";
import type { Cost, TaskOptions } from "../options.ts";
import type { Scheduler } from "../scheduler.ts";
import { ONE_REQUEST, amountsOf } from "./amounts.ts";
import type { Amounts } from "./amounts.ts";
import type { BudgetSet } from "./budget-set.ts";
import { Budgets } from "./budgets.ts";
import type { Strand } from "./gate.ts";
import { NOTHING } from "./named-budget.ts";
import type { NamedBudget } from "./named-budget.ts";

const MOST_NAMES = 64;

/** Stands in `task.extra`. */
export interface Need {
  readonly names: readonly string[];
  set: BudgetSet;
  amounts: Amounts;
  /** Gives the amounts anew. */
  readonly estimate: (() => Cost) | undefined;
  /** The line it stands in while it waits. */
  strand: Strand | undefined;
  /** The one of its budgets that suffices for it, once one does. */
  chosen: NamedBudget | undefined;
  /** The only one of them that may still be chosen: somebody has been told. */
  pinned: NamedBudget | undefined;
  /** What of that one's common levels was for others when it was chosen. */
  spokenFor: Amounts;
  /** What that was charged, while it runs. */
  charged: Amounts | undefined;
}

/** Whether tasks with these options could need budget at all: most resources have none, and their tasks pay nothing. */
export function mayNeed(scheduler: Scheduler, options: TaskOptions): boolean {
  return scheduler.budgets !== undefined || options.budget !== undefined;
}

/**
 * What a newcomer needs, or undefined where nothing limits it.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong name.
 */
export function needOf(scheduler: Scheduler, options: TaskOptions): Need | undefined {
  const { budget, cost } = options;
  const budgets = (scheduler.budgets ??= new Budgets(scheduler));
  if (budget === undefined && !budgets.limits("")) return undefined;
  const estimate = typeof cost === "function" ? cost : undefined;
  const now = typeof cost === "function" ? cost() : cost;
  return need(budgets, namesOf("budget", budget ?? ""), amountsOf("cost", now, ONE_REQUEST), estimate);
}

/** The same need for another attempt, by other budgets if they are given. */
export function needAgain(
  scheduler: Scheduler,
  before: Need | undefined,
  budget: string | readonly string[] | undefined,
): Need | undefined {
  const names = budget === undefined ? before?.names : namesOf("permit.requeue: budget", budget);
  if (names === undefined) return undefined;
  const budgets = (scheduler.budgets ??= new Budgets(scheduler));
  return need(budgets, names, before?.amounts ?? ONE_REQUEST, before?.estimate);
}

/** Asks again what a task that waits will use; an estimate that fails leaves what it said before. */
export function renew(task: Need): void {
  if (task.estimate === undefined) return;
  let amounts: Amounts;
  try {
    amounts = amountsOf("cost", task.estimate(), ONE_REQUEST);
  } catch {
    return;
  }
  const gate = task.strand?.gate;
  gate?.count(task, -1);
  task.amounts = amounts;
  gate?.count(task, 1);
}

/** Checks what is not needed to find a task's place. */
export function checkCost(cost: Cost | (() => Cost) | undefined, waitedMs: number | undefined): void {
  if (cost !== undefined) amountsOf("cost", typeof cost === "function" ? cost() : cost, ONE_REQUEST);
  if (waitedMs !== undefined) number("waitedMs", waitedMs, 0, LONGEST_MS);
}

function need(
  budgets: Budgets,
  names: readonly string[],
  amounts: Amounts,
  estimate: (() => Cost) | undefined,
): Need {
  const set = budgets.setOf(names);
  return {
    names,
    set,
    amounts,
    estimate,
    strand: undefined,
    chosen: undefined,
    pinned: undefined,
    spokenFor: NOTHING,
    charged: undefined,
  };
}

function namesOf(at: string, budget: string | readonly string[]): readonly string[] {
  if (typeof budget === "string") return [budget];
  const isList = Array.isArray(budget) && budget.length > 0 && budget.length <= MOST_NAMES;
  if (!isList || !budget.every((name) => typeof name === "string"))
    throw invalid(at, `a name, or a list of 1 to ${MOST_NAMES} names`, budget);
  return budget;
}
