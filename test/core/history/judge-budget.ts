/**
 * What must hold of budgets, recomputed beside the scheduler's own: a bucket without lanes for each kind of each budget,
 * written from its description, is charged the same. Nothing may start that it does not cover.
 */

import { KINDS } from "../../../src/core/budget/amounts.ts";
import type { Amounts } from "../../../src/core/budget/amounts.ts";
import type { Budgets } from "../../../src/core/budget/budgets.ts";
import type { NamedBudget } from "../../../src/core/budget/named-budget.ts";
import { AGED, SHADOW, WAITING } from "../../../src/core/task.ts";
import type { Task } from "../../../src/core/task.ts";
import type { Audit } from "./audit.ts";

const ROUNDING = 1e-3;
/** Twice the shortest time that a budget is waited for. */
const GRAIN_MINUTES = 0.02 / 60_000;

/** A bucket as whoever limits us keeps it. */
interface Plain {
  left: number;
  at: number;
}

export class BudgetJudge {
  readonly #audit: Audit;
  readonly #plain: Map<NamedBudget, (Plain | undefined)[]> = new Map();
  readonly #watched: Set<Budgets> = new Set();

  constructor(audit: Audit) {
    this.#audit = audit;
  }

  /** Listens at the doors of budgets that were not there before. */
  watch(): void {
    const { budgets } = this.#audit.scheduler;
    if (budgets === undefined || this.#watched.has(budgets)) return;
    this.#watched.add(budgets);
    const charge = budgets.charge.bind(budgets);
    budgets.charge = (task, now) => {
      const before = this.#levels(task, now);
      charge(task, now);
      this.#started(task, before, now);
    };
    const settle = budgets.settle.bind(budgets);
    budgets.settle = (task, used, now) => {
      const { chosen, charged } = task.more!.need!;
      const before = chosen?.buckets.map((bucket) => bucket?.left);
      settle(task, used, now);
      if (chosen === undefined || charged === undefined) return;
      chosen.buckets.forEach((bucket, kind) => {
        const plain = this.#plain.get(chosen)?.[kind];
        if (bucket === undefined || plain === undefined || before?.[kind] === undefined) return;
        this.#refill(bucket, plain, now);
        const actual = used?.[KINDS[kind]!] ?? charged[kind]!;
        plain.left = Math.min(bucket.capacity, plain.left + charged[kind]! - actual);
        // Debt is bounded here, so as not to close a budget for long; whoever limits us may remember more.
        plain.left = Math.max(plain.left, bucket.left);
      });
    };
  }

  /** Somebody has said how much is left, or what a bucket holds: that is what everybody knows. */
  told(): void {
    this.#plain.clear();
  }

  /** A task waits although a seat is free for it: only its budget may be the reason. */
  mayWait(task: Task): boolean {
    const { scheduler } = this.#audit;
    const need = task.more?.need;
    if (need === undefined) return false;
    if (need.strand!.gate.backlog.peek()?.head !== task) return true;
    // Of those of one lane that need the same budget the one whose turn it is goes first, behind whichever gate.
    for (const budget of need.set.budgets) if ((budget.gates.get(task.home)?.length ?? 0) > 1) return true;
    const { chosen, amounts } = need;
    // A timer has a grain: for what came within it the scheduler may not have woken yet.
    const inGrain = (kind: number): number =>
      Math.max(...need.set.budgets.map((budget) => budget.buckets[kind]?.perMinute ?? 0)) * GRAIN_MINUTES;
    need.amounts = amounts.map((amount, kind) =>
      amount === 0 ? 0 : amount + inGrain(kind),
    ) as unknown as Amounts;
    const suffices = scheduler.budgets!.suffices(task, scheduler.clock.now(), false);
    Object.assign(need, { chosen, amounts });
    return !suffices;
  }

  /** Everything is over. */
  checkRest(): void {
    for (const [budget] of this.#plain) {
      if (budget.waiting + budget.running !== 0 || budget.gates.size > 0)
        this.#audit.fault(15, `at rest budget "${budget.name}" still counts tasks`);
      for (const bucket of budget.buckets)
        if (bucket !== undefined && Math.abs(bucket.inFlight) > ROUNDING)
          this.#audit.fault(15, `at rest ${bucket.inFlight} of budget "${budget.name}" are in flight`);
    }
  }

  #levels(task: Task, now: number): Map<NamedBudget, { left: number; kept: number[] }[]> {
    const { all } = this.#audit.scheduler;
    return new Map(
      task.more!.need!.set.budgets.map((budget) => {
        budget.refill(now);
        const levels = budget.buckets.map((bucket) => ({
          left: bucket?.left ?? Infinity,
          kept: all.map((lane) => bucket?.kept(lane.rank) ?? 0),
        }));
        return [budget, levels];
      }),
    );
  }

  #started(task: Task, before: Map<NamedBudget, { left: number; kept: number[] }[]>, now: number): void {
    const { chosen, charged } = task.more!.need!;
    const bound = !task.home.config.exempt && !task.is(SHADOW) && this.#audit.scheduler.config.enforce;
    if (bound && chosen!.pausedUntil > now)
      this.#audit.fault(15, `a task started on budget "${chosen!.name}", which is paused`);
    let plain = this.#plain.get(chosen!);
    if (plain === undefined) {
      plain = before.get(chosen!)!.map(({ left }) => (left === Infinity ? undefined : { left, at: now }));
      this.#plain.set(chosen!, plain);
    }
    chosen!.buckets.forEach((bucket, kind) => {
      const own = plain[kind];
      if (bucket === undefined || own === undefined) return;
      this.#refill(bucket, own, now);
      const amount = charged![kind]!;
      const what = `${KINDS[kind]!} of budget "${chosen!.name}"`;
      if (bound && amount > 0 && own.left < amount - ROUNDING)
        this.#audit.fault(15, `a task took ${amount} ${what}, but only ${own.left} were left`);
      own.left = Math.max(own.left - amount, bucket.left);
      if (Math.abs(own.left - bucket.left) > ROUNDING)
        this.#audit.fault(15, `${bucket.left} ${what} are left here, but ${own.left} in a plain bucket`);
      if (bound) this.#floorsAreKept(task, chosen!, kind, before.get(chosen!)![kind]!.kept);
    });
    if (bound && !task.is(AGED)) this.#nobodyWasOvertaken(task, chosen!, before.get(chosen!)!);
  }

  #floorsAreKept(task: Task, budget: NamedBudget, kind: number, kept: readonly number[]): void {
    const bucket = budget.buckets[kind]!;
    for (const lane of this.#audit.scheduler.all)
      if (lane !== task.home && bucket.kept(lane.rank) < kept[lane.rank]! - ROUNDING)
        this.#audit.fault(15, `lane ${task.home.name} took what lane ${lane.name} keeps of ${budget.name}`);
    const common =
      bucket.left - this.#audit.scheduler.all.reduce((sum, lane) => sum + bucket.kept(lane.rank), 0);
    if (task.more!.need!.charged![kind]! > 0 && common + bucket.kept(task.home.rank) < -ROUNDING)
      this.#audit.fault(15, `lane ${task.home.name} took more than it may of budget ${budget.name}`);
  }

  /** What the heads of higher lanes need that have a seat to go to must still be there. */
  #nobodyWasOvertaken(
    task: Task,
    budget: NamedBudget,
    before: readonly { readonly kept: readonly number[] }[],
  ): void {
    const audit = this.#audit;
    const { rank } = task.home;
    const { all } = audit.scheduler;
    for (const [lane, gates] of budget.gates) {
      if (lane.rank >= task.home.rank) continue;
      for (const gate of gates) {
        const head = gate.backlog.peek()?.head;
        if (head === undefined || head.state !== WAITING || head.width > audit.room(lane).room) continue;
        budget.buckets.forEach((bucket, kind) => {
          if (bucket === undefined) return;
          const common = bucket.left - all.reduce((sum, other) => sum + bucket.kept(other.rank), 0);
          const needed = bucket.clamp(lane.rank, head.more!.need!.amounts[kind]!);
          const own = before[kind]!.kept[rank]! - bucket.kept(rank);
          if (
            task.more!.need!.charged![kind]! - own > ROUNDING &&
            needed > bucket.kept(lane.rank) + common + ROUNDING
          )
            audit.fault(
              15,
              `lane ${task.home.name} overtook lane ${lane.name}, which needs ${needed} ${KINDS[kind]!} of ${budget.name}`,
            );
        });
      }
    }
  }

  #refill(
    bucket: { readonly capacity: number; readonly perMinute: number },
    plain: Plain,
    now: number,
  ): void {
    plain.left = Math.min(bucket.capacity, plain.left + ((now - plain.at) * bucket.perMinute) / 60_000);
    plain.at = now;
  }
}
