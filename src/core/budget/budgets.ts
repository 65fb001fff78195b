/**
 * All budgets of one resource: made when somebody names them, forgotten when making them anew would change nothing.
 *
 * Who may use what is left of a budget: a lane may use its own level of each bucket, and of the common one what the heads
 * of higher lanes that have a seat to go to leave of it. So a task that waits for budget is never overtaken for it by a
 * lower lane, and what higher lanes have no use for is used. Only a task that aging picks goes before them: while it
 * lacks budget the common level is spoken for, and the top lane's own level gets that lane's share of the refill.
 */

import type { Lane } from "../lane.ts";
import type { Cost } from "../options.ts";
import type { Scheduler } from "../scheduler.ts";
import { floorParts, reservedPart } from "../seats.ts";
import type { BudgetSnapshot } from "../snapshot.ts";
import { WAITING } from "../task.ts";
import type { Task } from "../task.ts";
import { KINDS, ONE_REQUEST, amountsOf } from "./amounts.ts";
import type { Amounts } from "./amounts.ts";
import type { Floors } from "./bucket.ts";
import { sizesFor } from "./budget-config.ts";
import type { BudgetConfig } from "./budget-config.ts";
import { BudgetSet } from "./budget-set.ts";
import { NOTHING, NamedBudget } from "./named-budget.ts";
import type { Beyond } from "./named-budget.ts";
import { renew } from "./need.ts";
import type { Need } from "./need.ts";

/** Names come from outside: without a bound each model that a client makes up would cost memory for ever. */
const MOST_KEPT = 1_024;
/** Beyond this many, those that are not in use go even when not full. */
const MOST_HELD = 2 * MOST_KEPT;
/** A timer set for the same instant would spin. */
const SHORTEST_MS = 0.01;
/** While an aged task lacks budget, at least so much of the refill is for it. */
const LEAST_FOR_AGED = 0.1;

export class Budgets {
  readonly #scheduler: Scheduler;
  readonly #byName = new Map<string, NamedBudget>();
  readonly #sets = new Map<string, BudgetSet>();
  #config: BudgetConfig | undefined;
  #floors: Floors;
  #laneNames: readonly string[];
  /** The aged task that lacks budget, and the budget for which it waits. */
  #held: { readonly task: Task; readonly budget: NamedBudget } | undefined = undefined;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.#config = scheduler.config.budgets;
    this.#laneNames = scheduler.all.map(({ name }) => name);
    this.#floors = this.#floorsNow();
  }

  /** Whether there is anything to wait for in this budget. */
  limits(name: string): boolean {
    return this.#config !== undefined || this.#byName.has(name);
  }

  find(name: string): NamedBudget | undefined {
    return this.#byName.get(name);
  }

  /** The budget of that name, made if there is none. */
  named(name: string): NamedBudget {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const now = this.#scheduler.clock.now();
    this.#forget(now);
    const budget = this.newOf(name, now);
    this.#byName.set(name, budget);
    return budget;
  }

  /** A budget of that name as it is before anybody has used it. */
  newOf(name: string, now: number): NamedBudget {
    return new NamedBudget(name, this.#sizesOf({ name, stated: {} }), this.#floors, now);
  }

  setOf(names: readonly string[]): BudgetSet {
    const key = names.length === 1 ? names[0]! : JSON.stringify([...new Set(names)]);
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    const now = this.#scheduler.clock.now();
    this.#forget(now);
    const budgets = [...new Set(names)].map((name) => {
      const budget = this.#byName.get(name) ?? this.newOf(name, now);
      this.#byName.set(name, budget);
      return budget;
    });
    const set = new BudgetSet(key, budgets);
    this.#sets.set(key, set);
    return set;
  }

  // ── who may ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether one of its budgets suffices for the task now; that one is chosen then: the one with most left. */
  suffices(task: Task, now: number, outOfTurn: boolean): boolean {
    const need = task.more!.need!;
    need.chosen = undefined;
    if (need.strand !== undefined) renew(need);
    const best = this.#best(task, need, now, outOfTurn, true);
    if (best === undefined || best.slack < 0) return false;
    need.chosen = best.budget;
    need.spokenFor = best.spokenFor;
    return true;
  }

  /**
   * The earliest instant at which one of its budgets may suffice, Infinity when that takes somebody else to go first.
   * Whoever asks then may have to ask again.
   */
  readyAt(task: Task, now: number, outOfTurn: boolean): number {
    const need = task.more!.need!;
    let least = Infinity;
    for (const budget of need.set.budgets) {
      // While it is paused nobody else has looked at it.
      budget.refill(now);
      const beyond: Beyond = [[], [], []];
      if (this.#spokenFor(budget, task.home, need, outOfTurn, beyond) === undefined) continue;
      const ms = budget.readyIn(rankOf(task.home), need.amounts, beyond, now);
      if (ms < least) least = ms;
    }
    return now + Math.max(least, SHORTEST_MS);
  }

  /**
   * The common level of its budget is for this aged task, until it has started or somebody else's turn has come. True
   * when that is new: others must be looked at again.
   */
  hold(task: Task | undefined, now: number): boolean {
    const before = this.#held;
    if (task === before?.task) return false;
    if (before !== undefined) this.#share(before.budget, 1, now);
    this.#held = undefined;
    const need = task?.more?.need;
    if (task !== undefined && need !== undefined && this.#hasSeats(task)) {
      const best = this.#best(task, need, now, true, true);
      const { top, ledger } = this.#scheduler;
      const forTop = Math.min(1 - LEAST_FOR_AGED, reservedPart(ledger.seats, top.config));
      if (best !== undefined) {
        this.#held = { task, budget: best.budget };
        this.#share(best.budget, forTop, now);
      }
    }
    return this.#held !== before;
  }

  #share(budget: NamedBudget, topFirst: number, now: number): void {
    budget.refill(now);
    for (const bucket of budget.buckets) if (bucket !== undefined) bucket.topFirst = topFirst;
  }

  /** The budget of the task's that has most left for it, and how much more than it needs. */
  #best(
    task: Task,
    need: Need,
    now: number,
    outOfTurn: boolean,
    mayWait: boolean,
  ): { budget: NamedBudget; slack: number; spokenFor: Amounts } | undefined {
    const lane = task.home;
    let best: NamedBudget | undefined = undefined;
    let most = -Infinity;
    let spoken = NOTHING;
    for (const budget of need.set.budgets) {
      if (need.pinned !== undefined && need.pinned !== budget) continue;
      if (budget.pausedUntil > now && mayWait) continue;
      budget.refill(now);
      const spokenFor = mayWait ? this.#spokenFor(budget, lane, need, outOfTurn) : NOTHING;
      if (spokenFor === undefined) continue;
      const slack = budget.slack(rankOf(lane), need.amounts, spokenFor);
      const isBetter =
        slack > most || (slack === most && best !== undefined && budget.running < best.running);
      if (best !== undefined && !isBetter) continue;
      best = budget;
      most = slack;
      spoken = spokenFor;
    }
    return best === undefined ? undefined : { budget: best, slack: most, spokenFor: spoken };
  }

  /**
   * What of the common levels is for the heads of higher lanes that have a seat to go to; undefined when somebody of the
   * same lane waits for this budget already. `beyond` is told which lane's how much is.
   */
  #spokenFor(
    budget: NamedBudget,
    lane: Lane,
    need: Need,
    outOfTurn: boolean,
    beyond?: Beyond,
  ): Amounts | undefined {
    const held = this.#held;
    const isHeld = held?.budget === budget && held.task.state === WAITING && held.task.home !== lane;
    if (budget.gates.size === 0 && !isHeld) return NOTHING;
    const sums: [number, number, number] = [0, 0, 0];
    let left = isHeld ? held.task : undefined;
    for (const [other, gates] of budget.gates) {
      if (other === lane) {
        if (gates.some((gate) => gate.shut && gate !== need.strand?.gate)) return undefined;
      } else if (other.rank < lane.rank && !outOfTurn) {
        const heads: Task[] = [];
        for (const gate of gates) {
          const head = gate.backlog.peek()?.head;
          if (head !== undefined && head !== left && this.#hasSeats(head)) heads.push(head);
        }
        // One of them, as a rule: its lane's own level is there once for all of them.
        if (left?.home === other) {
          heads.push(left);
          left = undefined;
        }
        addBeyondOwn(sums, budget, other, heads, beyond);
      }
    }
    if (left !== undefined) addBeyondOwn(sums, budget, left.home, [left], beyond);
    return sums;
  }

  /** Whether only budget can keep this head of a queue from starting; seats may be parked for it. */
  #hasSeats(head: Task): boolean {
    const { home } = head;
    const width = Math.min(head.width, home.share.hold);
    return width <= this.#scheduler.ledger.roomFor(home) || home.parkedFor === head;
  }

  // ── charging ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A task starts: what it will probably use is taken. One that never waits is charged what there may not be. */
  charge(task: Task, now: number): void {
    const need = task.more!.need!;
    const budget = (need.chosen ??= this.#best(task, need, now, true, false)!.budget);
    const rank = rankOf(task.home);
    budget.refill(now);
    need.charged = budget.clamp(rank, need.amounts);
    budget.take(rank, need.charged, need.spokenFor, now, this.#config?.spreadMs ?? 0);
  }

  /** A task that goes ahead while it still waits here needs to know which budget it uses. */
  pin(task: Task): void {
    const need = task.more!.need!;
    need.pinned ??= this.#best(task, need, this.#scheduler.clock.now(), true, false)!.budget;
    need.chosen = need.pinned;
  }

  /** A task no longer runs: its charge is put right. */
  settle(task: Task, used: Cost | undefined, now: number): void {
    const { chosen, charged } = task.more!.need!;
    if (chosen === undefined || charged === undefined) return;
    task.more!.need!.charged = undefined;
    chosen.refill(now);
    const actual = amountsOf("cost", used, charged);
    for (let kind = 0; kind < KINDS.length; kind++) task.home.used[kind]! += actual[kind]!;
    chosen.settle(rankOf(task.home), charged, actual);
  }

  // ── how long ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Milliseconds that a task which stands in the queue will wait for budget alone: what those before it need and what it
   * needs itself, less what is there, at the speed of the refill. `share`: the part of its lane's queue before it.
   */
  waitMs(task: Task, share: number, now: number): number {
    const need = task.more!.need!;
    let least = Infinity;
    for (const budget of need.set.budgets) {
      budget.refill(now);
      let ms = Math.max(0, budget.pausedUntil - now);
      for (let kind = 0; kind < KINDS.length; kind++)
        ms = Math.max(ms, this.#waitForKind(budget, kind, task, need, share));
      least = Math.min(least, ms);
    }
    return least;
  }

  #waitForKind(budget: NamedBudget, kind: number, task: Task, need: Need, share: number): number {
    const bucket = budget.buckets[kind];
    if (bucket === undefined || need.amounts[kind] === 0) return 0;
    const own = bucket.clamp(rankOf(task.home), need.amounts[kind]!);
    let ahead = 0;
    let room = bucket.room(rankOf(task.home), 0);
    for (const [lane, gates] of budget.gates) {
      if (lane.rank > task.home.rank) continue;
      if (lane !== task.home) room += bucket.kept(lane.rank);
      const part = lane === task.home ? share : 1;
      for (const gate of gates) ahead += (part * gate.needed[kind]!) / gate.set.budgets.length;
    }
    if (need.strand !== undefined) ahead -= (share * own) / need.set.budgets.length;
    return ((Math.max(0, ahead) * bucket.used + own - room) / bucket.perMinute) * 60_000;
  }

  // ── changes ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The lanes, the limit or the sizes are others now. */
  changed(now: number): void {
    const { config, all } = this.#scheduler;
    const before = this.#laneNames;
    const names = all.map(({ name }) => name);
    const floors = this.#floorsNow();
    // A limit that follows load changes often, and what percentages keep does not change with it.
    const isSame = floors.top === this.#floors.top && sameList(floors.parts, this.#floors.parts);
    if (isSame && config.budgets === this.#config && sameList(names, before)) return;
    this.hold(undefined, now);
    this.#config = config.budgets;
    this.#laneNames = names;
    this.#floors = floors;
    const from = names.map((name) => before.indexOf(name));
    for (const budget of this.#byName.values()) {
      budget.refill(now);
      budget.change(this.#sizesOf(budget), this.#floors, from, now);
    }
  }

  /** Whoever limits this budget says how much there is. */
  state(budget: NamedBudget, perMinute: Cost, now: number): void {
    budget.stated = { ...budget.stated, ...perMinute };
    budget.refill(now);
    const same = this.#scheduler.all.map((_, rank) => rank);
    budget.change(this.#sizesOf(budget), this.#floors, same, now);
  }

  snapshot(now: number): BudgetSnapshot[] {
    return [...this.#byName.values()].map((budget) => {
      budget.refill(now);
      return budget.snapshot(now);
    });
  }

  /** What the options give it, or the less that it is said to have. */
  #sizesOf({ name, stated }: Pick<NamedBudget, "name" | "stated">): Cost {
    if (this.#config === undefined) return {};
    const sizes = sizesFor(this.#config, name);
    const least = KINDS.map((kind) => [kind, Math.min(sizes[kind] ?? Infinity, stated[kind] ?? Infinity)]);
    return Object.fromEntries(least.filter(([kind]) => sizes[kind as keyof Cost] !== undefined)) as Cost;
  }

  #floorsNow(): Floors {
    const { all, top, ledger } = this.#scheduler;
    return {
      parts: floorParts(
        ledger.seats,
        all.map(({ config }) => config),
      ),
      top: top.rank,
    };
  }

  /** Looks at two for each one that is made, the longest unlooked at first. */
  #forget(now: number): void {
    for (let i = 0; i < 2 && this.#byName.size >= MOST_KEPT; i++) {
      const [name, budget] = this.#byName.entries().next().value!;
      this.#byName.delete(name);
      const inUse = budget.waiting + budget.running > 0 || budget.pausedUntil > now;
      if (!budget.isAsNew(now) && (inUse || this.#byName.size < MOST_HELD)) {
        this.#byName.set(name, budget);
        continue;
      }
      for (const set of budget.sets) {
        this.#sets.delete(set.key);
        for (const other of set.budgets) other.sets.delete(set);
      }
    }
  }
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

/** What these heads of a lane need of the common levels, its own levels used first. */
function addBeyondOwn(
  sums: [number, number, number],
  budget: NamedBudget,
  lane: Lane,
  heads: readonly Task[],
  beyond: Beyond | undefined,
): void {
  for (let kind = 0; kind < KINDS.length; kind++) {
    const bucket = budget.buckets[kind];
    if (bucket === undefined) continue;
    let needed = -bucket.kept(lane.rank);
    for (const head of heads) needed += bucket.clamp(lane.rank, head.more!.need!.amounts[kind]!);
    if (needed <= 0) continue;
    sums[kind]! += needed;
    const by = beyond?.[kind];
    if (by !== undefined) by[lane.rank] = (by[lane.rank] ?? 0) + needed;
  }
}

/** The place of a lane's own levels; one that is gone has none. */
function rankOf(lane: Lane): number {
  return lane.heir === undefined ? lane.rank : -1;
}

/** What an attempt that failed has used, unless somebody knows better. */
export function usedByAttempt(cost: Cost | undefined): Cost {
  const [requests, inputTokens, outputTokens] = amountsOf("permit.requeue: cost", cost, ONE_REQUEST);
  return { requests, inputTokens, outputTokens };
}
