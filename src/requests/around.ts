/**
 * What surrounds a handler that runs with a seat. Classes, not object literals: V8 may decide, in a burst after the start,
 * to make a literal's objects in the old generation from then on, where each one that is dead keeps its whole request
 * until the next full collection. Of what lives as long as a request nothing may be a literal.
 */

import type { Ambient, Holder } from "../core/context.ts";
import type { Permit } from "../core/permit.ts";
import type { Decision } from "./gate.ts";

/** The async context of one handler. */
export class Around implements Ambient {
  readonly lane: string;
  readonly flow: string;
  readonly rule: string;
  readonly deadline: number;
  readonly holder: Holder;

  /** `outer` is the context in which the request came. */
  constructor({ lane, flow, rule }: Decision, deadline: number, permit: Permit, outer: Ambient | undefined) {
    this.lane = lane;
    this.flow = flow;
    this.rule = rule;
    this.deadline = deadline;
    this.holder = new Holding(permit, outer?.holder);
  }
}

/** An async context that was opened before the request is let in, and is filled in then. */
export class Opened implements Ambient {
  lane: string | undefined;
  flow: string | undefined;
  rule: string | undefined;
  deadline: number | undefined;
  holder: Holder | undefined;

  /** `outer` is the context in which the request came. */
  constructor(outer: Ambient | undefined) {
    this.lane = outer?.lane;
    this.flow = outer?.flow;
    this.rule = outer?.rule;
    this.deadline = outer?.deadline;
    this.holder = outer?.holder;
  }

  /** The request is let in. With several resources each seat is inside the one before. */
  admitted({ lane, flow, rule }: Decision, deadline: number, permit: Permit): void {
    this.lane = lane;
    this.flow = flow;
    this.rule = rule;
    this.deadline = deadline;
    this.holder = new Holding(permit, this.holder);
  }
}

class Holding implements Holder {
  readonly task: object;
  readonly outer: Holder | undefined;

  constructor(task: object, outer: Holder | undefined) {
    this.task = task;
    this.outer = outer;
  }
}
