/** A budget as its resource shows it: looked up each time, for one that nobody uses may have been forgotten meanwhile. */

import { LONGEST_MS, knownKeys, number } from "../checks.ts";
import { invalid } from "../errors.ts";
import type { Cost } from "../options.ts";
import type { Scheduler } from "../scheduler.ts";
import { KINDS } from "./amounts.ts";
import { Budgets } from "./budgets.ts";

const KNOWN: ReadonlySet<string> = new Set(KINDS);
const MOST = 1e15;
const LEAST = 1e-6;

/**
 * One named budget of a resource: what is left of it, and what somebody who knows better has to say.
 *
 * @example
 * ai.budget("key-0/opus").pause(2_000);                 // the provider answered 429, retry-after 2 s
 * ai.budget("key-0/opus").correct({ requests: 17 });    // its headers say that so much is left
 */
export interface Budget {
  readonly name: string;
  /** Milliseconds until it may be used again; 0 when it is not paused. */
  readonly pausedMs: number;
  /** What is left of each kind: Infinity where it is unlimited, below zero after a correction. */
  readonly left: Required<Cost>;
  /**
   * Nothing starts on it for so long; of two pauses the longer counts. What runs goes on.
   *
   * @throws LanewayError `LANEWAY_INVALID` for anything but milliseconds.
   */
  pause(ms: number): void;
  /**
   * So much is left, says whoever limits it. Less than was thought counts at once; more only as far as what runs and was
   * charged cannot be the reason.
   *
   * @throws LanewayError `LANEWAY_INVALID` for anything but amounts.
   */
  correct(left: Cost): void;
  /**
   * So much a minute is all there is, says whoever limits it. Less than the options say counts from now on, until it says
   * another number; more does not. What lanes keep of the budget follows.
   *
   * @throws LanewayError `LANEWAY_INVALID` for anything but amounts.
   */
  limit(perMinute: Cost): void;
}

/** The budget of that name, whether anybody has used it yet or not. */
export function budgetHandle(scheduler: Scheduler, name: string): Budget {
  if (typeof name !== "string") throw invalid("budget", "a name", name);
  return new Handle(scheduler, (scheduler.budgets ??= new Budgets(scheduler)), name);
}

class Handle implements Budget {
  readonly name: string;
  readonly #scheduler: Scheduler;
  readonly #all: Budgets;

  constructor(scheduler: Scheduler, all: Budgets, name: string) {
    this.name = name;
    this.#scheduler = scheduler;
    this.#all = all;
  }

  get pausedMs(): number {
    const budget = this.#all.find(this.name);
    return budget === undefined ? 0 : Math.max(0, budget.pausedUntil - this.#scheduler.clock.now());
  }

  get left(): Required<Cost> {
    const now = this.#scheduler.clock.now();
    const budget = this.#all.find(this.name) ?? this.#all.newOf(this.name, now);
    budget.refill(now);
    return budget.left();
  }

  pause(ms: number): void {
    const until = this.#scheduler.clock.now() + number(`budget "${this.name}": pause`, ms, 0, LONGEST_MS);
    const budget = this.#all.named(this.name);
    budget.pausedUntil = Math.max(budget.pausedUntil, until);
  }

  correct(left: Cost): void {
    checkAmounts(`budget "${this.name}": correct`, left, -MOST);
    const now = this.#scheduler.clock.now();
    const budget = this.#all.named(this.name);
    budget.refill(now);
    budget.correct(left);
    this.#scheduler.afterChange(now);
  }

  limit(perMinute: Cost): void {
    checkAmounts(`budget "${this.name}": limit`, perMinute, LEAST);
    const now = this.#scheduler.clock.now();
    this.#all.state(this.#all.named(this.name), perMinute, now);
    this.#scheduler.afterChange(now);
  }
}

function checkAmounts(place: string, amounts: Cost, least: number): void {
  if (typeof amounts !== "object" || amounts === null)
    throw invalid(place, `an object with ${KINDS.join(", ")}`, amounts);
  knownKeys(place, amounts, KNOWN);
  for (const kind of KINDS)
    if (amounts[kind] !== undefined) number(`${place}: ${kind}`, amounts[kind], least, MOST);
}
