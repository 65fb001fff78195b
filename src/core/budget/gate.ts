/**
 * The queue of one lane once more divided: tasks that need the same budgets stand behind one gate. A head that lacks
 * budget shuts its own gate for a round, and those behind other gates go on. A flow with tasks behind several gates has
 * a line behind each, and all of them carry the flow's one tag: who asks for two models gets no more than his share.
 */

import { Backlog, goesBefore } from "../backlog.ts";
import type { Line } from "../backlog.ts";
import type { Flow } from "../fair-queue.ts";
import type { Lane } from "../lane.ts";
import type { Task } from "../task.ts";
import { KINDS } from "./amounts.ts";
import type { BudgetSet } from "./budget-set.ts";
import type { Need } from "./need.ts";

/** The tasks of one flow behind one gate, in order. */
export class Strand implements Line {
  readonly flow: Flow;
  readonly gate: Gate;
  tag: number;
  head: Task | undefined = undefined;
  tail: Task | undefined = undefined;
  backlogIndex = -1;

  constructor(flow: Flow, gate: Gate) {
    this.flow = flow;
    this.gate = gate;
    this.tag = flow.tag;
  }
}

/** Those of one lane that need the same budgets. */
export class Gate {
  readonly home: Lane;
  readonly set: BudgetSet;
  readonly backlog: Backlog = new Backlog();
  readonly strands: Map<Flow, Strand> = new Map();
  /** The head lacks budget: nobody of this gate is looked at again in this round. */
  shut = false;
  waiting = 0;
  /** What those that wait need in all, by kind. */
  readonly needed: [number, number, number] = [0, 0, 0];

  constructor(home: Lane, set: BudgetSet) {
    this.home = home;
    this.set = set;
    for (const { gates } of set.budgets) gates.set(home, [...(gates.get(home) ?? []), this]);
  }

  /** One waits here more (`by` 1) or less (-1). */
  count(need: Need, by: 1 | -1): void {
    this.waiting += by;
    for (const budget of this.set.budgets) budget.waiting += by;
    for (let kind = 0; kind < KINDS.length; kind++) this.needed[kind]! += by * need.amounts[kind]!;
  }

  /** Nobody waits here any more. */
  close(): void {
    for (const { gates } of this.set.budgets) {
      const left = gates.get(this.home)!.filter((gate) => gate !== this);
      if (left.length === 0) gates.delete(this.home);
      else gates.set(this.home, left);
    }
  }
}

/** The gates of one lane at which somebody waits. */
export class Gates {
  readonly #home: Lane;
  readonly #bySet = new Map<BudgetSet, Gate>();

  constructor(home: Lane) {
    this.#home = home;
  }

  /** The line that a task of this flow joins, made if there is none. */
  join(flow: Flow, need: Need): Strand {
    let gate = this.#bySet.get(need.set);
    if (gate === undefined) {
      gate = new Gate(this.#home, need.set);
      this.#bySet.set(need.set, gate);
    }
    let strand = gate.strands.get(flow);
    if (strand === undefined) {
      strand = new Strand(flow, gate);
      gate.strands.set(flow, strand);
      flow.strands = [...(flow.strands ?? []), strand];
    }
    gate.count(need, 1);
    need.strand = strand;
    return strand;
  }

  /** A task has left its line. */
  leave(need: Need): void {
    const strand = need.strand!;
    const { gate, flow } = strand;
    need.strand = undefined;
    gate.count(need, -1);
    if (strand.head !== undefined) return;
    gate.backlog.remove(strand);
    gate.strands.delete(flow);
    const others = flow.strands!.filter((other) => other !== strand);
    flow.strands = others.length === 0 ? undefined : others;
    if (gate.strands.size > 0) return;
    this.#bySet.delete(gate.set);
    gate.close();
  }

  /** The line that goes first: `first`, of those that need no budget, or one behind a gate that is not shut. */
  peek(first: Line | undefined): Line | undefined {
    let least = first;
    for (const gate of this.#bySet.values()) {
      const line = gate.shut ? undefined : gate.backlog.peek();
      if (line !== undefined && (least === undefined || goesBefore(line, least))) least = line;
    }
    return least;
  }
}
