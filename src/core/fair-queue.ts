/**
 * The queue of one lane: which flow goes next, and inside it the oldest task.
 *
 * Start-time fair queuing (Goyal, Vin and Cheng 1996): each flow carries a start tag, the service it has had so far
 * divided by its weight; the backlogged flow with the least tag goes next. Three departures:
 *
 * 1. A task is charged at dispatch what its flow's tasks have lately taken (width × mean run ÷ weight) and the charge
 *    is corrected when it ends, for nobody knows a run beforehand.
 * 2. Virtual time is the greater of SFQ's (the start tag in service) and the fluid one (cost ÷ weights of the active
 *    flows), so that an endless stream of new flows cannot hold it still and starve a flow that has been served.
 * 3. A flow keeps its tag while it has anything running, so that one that asks again only after each reply is not
 *    charged for its own silence; but it may lag virtual time by no more than the largest task. Corrections
 *    set no flow back by more than two of the largest tasks on every seat (see `#mostLead`).
 *
 * An idle flow is forgotten once virtual time has passed its tag, which loses nothing: it would start there anyway.
 * Cost: O(log flows) to take, append to an idle flow, or correct; O(1) to append to a backlogged one.
 */

import { Backlog } from "./backlog.ts";
import type { Line } from "./backlog.ts";
import { Gates, Strand } from "./budget/gate.ts";
import { number } from "./checks.ts";
import { Credited, placeByAge } from "./credit.ts";
import { IndexedHeap } from "./heap.ts";
import type { Lane } from "./lane.ts";
import { LISTED } from "./task.ts";
import type { Task } from "./task.ts";

/** Idle flows kept although they could be forgotten, so that flows that come and go are not made anew each time. */
const IDLE_KEPT = 1_024;
/** The largest task is remembered with a slow fade: one giant must not widen the bound for ever. */
const LARGEST_FADE = 0.999;
const GAIN = 0.125;
/** Before anything was measured tasks are charged alike; the correction at their end makes it right. */
const UNMEASURED_RUN_MS = 1;

/** One tenant, user or key inside one lane. */
export class Flow implements Line {
  readonly home: Lane;
  readonly name: string;
  readonly weight: number;
  /** Service had so far ÷ weight, in seat-milliseconds. */
  tag: number;
  running = 0;
  /** Waiting, those that were put back included. */
  waiting = 0;
  /** Waiting because put back: never put out by a bound. They stand before all others. */
  returned = 0;
  /** Those that need no budget; the others stand in strands, one for each set of budgets. */
  head: Task | undefined = undefined;
  tail: Task | undefined = undefined;
  strands: readonly Strand[] | undefined = undefined;
  backlogIndex = -1;
  loadIndex = -1;
  /** An upper bound of `(waiting − returned) ÷ weight`, made exact where the heap of loads is read. */
  load = 0;
  /** Stands in the list of idle flows. */
  listed = false;
  meanRun = -1;

  constructor(home: Lane, name: string, weight: number, tag: number) {
    this.home = home;
    this.name = name;
    this.weight = weight;
    this.tag = tag;
  }

  get active(): boolean {
    return this.waiting > 0 || this.running > 0;
  }
}

class Loads extends IndexedHeap<Flow> {
  protected override keyOf(flow: Flow): number {
    return -flow.load;
  }
  protected override before(): boolean {
    return false;
  }
  protected override indexOf(flow: Flow): number {
    return flow.loadIndex;
  }
  protected override place(flow: Flow, index: number): void {
    flow.loadIndex = index;
  }
}

export class FairQueue {
  readonly #home: Lane;
  readonly #flows = new Map<string, Flow>();
  readonly #weightOf: ((flow: string) => number) | undefined;
  /** The flow asked for last: most services have few, and a look-up by text costs a tenth of an admission. */
  #last: Flow | undefined = undefined;
  readonly #backlog = new Backlog();
  /** Made when the first task comes that needs budget. */
  #gates: Gates | undefined = undefined;
  readonly #loads = new Loads();
  #idle: Flow[] = [];
  #idleHead = 0;
  #virtualTime = 0;
  #activeWeight = 0;
  #largest = 0;

  constructor(home: Lane, weightOf: ((flow: string) => number) | undefined) {
    this.#home = home;
    this.#weightOf = weightOf;
  }

  /** Flows with a waiter. */
  backlogged = 0;

  /** Flows remembered, idle ones included: bounded whatever the number of names seen. */
  get remembered(): number {
    return this.#flows.size;
  }

  flow(name: string): Flow {
    if (this.#last !== undefined && this.#last.name === name) return this.#last;
    let flow = this.#flows.get(name);
    if (flow === undefined) {
      const weight =
        this.#weightOf === undefined ? 1 : number(`flowWeight("${name}")`, this.#weightOf(name), 1e-6, 1e6);
      flow = new Flow(this.#home, name, weight, this.#virtualTime);
      this.#flows.set(name, flow);
    }
    this.#last = flow;
    return flow;
  }

  /** The flow of that name if there is one, else one that is not remembered: for a task that may never queue. */
  peekFlow(name: string): Flow {
    return this.#flows.get(name) ?? new Flow(this.#home, name, 1, 0);
  }

  /** Whose turn it is, those behind shut gates left out. */
  peek(): Line | undefined {
    const first = this.#backlog.peek();
    return this.#gates === undefined ? first : this.#gates.peek(first);
  }

  /** Puts a task at the end of its flow, or, having been put back, before every younger one. */
  add(task: Task, returned: boolean): void {
    const flow = task.queue;
    const wasActive = flow.active;
    if (returned) flow.returned++;
    const need = task.more === undefined ? undefined : task.more.need;
    const line = need === undefined ? flow : (this.#gates ??= new Gates(this.#home)).join(flow, need);
    const credit = task.more !== undefined && task.more.creditMs > 0;
    if (credit) this.#noteCredit(task);
    if (returned) link(line, task, lastOlderFromHead(line, task));
    else
      link(line, task, credit && !task.is(LISTED) ? placeByAge(line, task) : lastOlderFromTail(line, task));
    if (flow.waiting++ === 0) this.backlogged++;
    if (!wasActive) this.#activate(flow);
    if (line.backlogIndex < 0) {
      this.#moveTag(flow, Math.max(flow.tag, this.#virtualTime - this.#largest));
      this.#backlogOf(line).add(line);
    } else if (line.head === task) this.#backlogOf(line).update(line);
    if (!returned) this.#grow(flow);
  }

  /** Takes a task out to start it: `charge` follows at once and puts the flow in its new place. */
  take(task: Task, returned: boolean): void {
    const flow = task.queue;
    const need = task.more === undefined ? undefined : task.more.need;
    if (need === undefined) {
      unlink(flow, task);
      if (flow.head === undefined) this.#backlog.remove(flow);
    } else {
      unlink(need.strand!, task);
      this.#gates!.leave(need);
    }
    if (task.more !== undefined && task.more.creditMs > 0) this.#home.credited?.remove(task);
    if (returned) flow.returned--;
    if (--flow.waiting === 0) this.backlogged--;
  }

  /** Takes a task out because its wait is over without a start. */
  remove(task: Task, returned: boolean): void {
    const flow = task.queue;
    const line = task.more?.need?.strand ?? flow;
    const first = line.head === task;
    this.take(task, returned);
    if (!flow.active) this.#deactivate(flow);
    else if (first) this.#backlogOf(line).update(line);
  }

  /** Keeps a line out of its turn for the rest of one round; `restore` puts it back. */
  setAside(line: Line): void {
    this.#backlogOf(line).remove(line);
  }

  restore(line: Line): void {
    if (line.head !== undefined && line.backlogIndex < 0) this.#backlogOf(line).add(line);
  }

  #backlogOf(line: Line): Backlog {
    return line instanceof Strand ? line.gate.backlog : this.#backlog;
  }

  /**
   * Charges a task that starts now what its flow's tasks (or, for a new flow, its lane's) have lately cost, in
   * seat-milliseconds; returns that cost. `queued`: it was taken from the queue just now, so its flow is active already.
   */
  charge(flow: Flow, width: number, now: number, queued: boolean): number {
    const run = flow.meanRun >= 0 ? flow.meanRun : (this.#home.runs.mean(now) ?? UNMEASURED_RUN_MS);
    const cost = width * run;
    if (!queued && !flow.active) this.#activate(flow);
    flow.running++;
    const fluid = this.#virtualTime + cost / this.#activeWeight;
    this.#virtualTime = fluid > flow.tag ? fluid : flow.tag;
    this.#moveTag(flow, flow.tag + cost / flow.weight);
    return cost;
  }

  /** Corrects the charge of a task that has ended, within bounds either way. */
  settle(flow: Flow, charged: number, width: number, runMs: number): void {
    flow.meanRun = flow.meanRun < 0 ? runMs : flow.meanRun + (runMs - flow.meanRun) * GAIN;
    const actual = width * runMs;
    this.#largest = Math.max(this.#largest * LARGEST_FADE, actual / flow.weight);
    flow.running--;
    const lead = Math.max(flow.tag, this.#virtualTime + this.#mostLead());
    const lag = this.#virtualTime - this.#largest;
    this.#moveTag(flow, Math.min(lead, Math.max(lag, flow.tag + (actual - charged) / flow.weight)));
    if (!flow.active) this.#deactivate(flow);
  }

  /**
   * How far corrections may set a flow back: two of the largest tasks on every seat, which the others work off in the
   * time of two. With less, a flow with a heavy tail is forgiven what it used (17 % off its share with one task's worth
   * instead of 2 %); without a bound one surprise locks a flow out for as long as it lasted.
   */
  #mostLead(): number {
    return 2 * this.#largest * this.#home.scheduler.ledger.seats;
  }

  /** The flow that holds most of this queue for its weight, those put back not counted. */
  heaviest(): Flow | undefined {
    for (let flow = this.#loads.peek(); flow !== undefined; flow = this.#loads.peek()) {
      const load = (flow.waiting - flow.returned) / flow.weight;
      if (load === flow.load && load > 0) return flow;
      if (load <= 0 && flow.load === 0) return undefined;
      flow.load = Math.max(0, load);
      this.#loads.update(flow);
    }
    return undefined;
  }

  /** Every waiting task, flow by flow: for a change of lanes, not for the path of a task. */
  *waiting(): Generator<Task> {
    for (const flow of this.#flows.values())
      for (const line of [flow, ...(flow.strands ?? [])])
        for (let task = line.head; task !== undefined; task = task.next) yield task;
  }

  #grow(flow: Flow): void {
    const load = (flow.waiting - flow.returned) / flow.weight;
    if (flow.loadIndex < 0) {
      flow.load = load;
      this.#loads.add(flow);
    } else if (load > flow.load) {
      flow.load = load;
      this.#loads.update(flow);
    }
  }

  #moveTag(flow: Flow, tag: number): void {
    flow.tag = tag;
    if (flow.backlogIndex >= 0) this.#backlog.update(flow);
    if (flow.strands !== undefined) this.#moveStrands(flow, flow.strands);
  }

  /** Its age counts for the lane, and is more than anybody knew of. */
  #noteCredit(task: Task): void {
    (this.#home.credited ??= new Credited()).add(task);
    this.#home.scheduler.aging.lookAgain();
  }

  #moveStrands(flow: Flow, strands: readonly Strand[]): void {
    for (const strand of strands) {
      strand.tag = flow.tag;
      strand.gate.backlog.update(strand);
    }
  }

  #activate(flow: Flow): void {
    flow.tag = Math.max(flow.tag, this.#virtualTime);
    this.#activeWeight += flow.weight;
  }

  #deactivate(flow: Flow): void {
    this.#activeWeight -= flow.weight;
    // Nobody is left to be ahead of: the next busy period starts level.
    if (this.#flows.size === 1 || this.#activeWeight < 1e-9) {
      this.#activeWeight = 0;
      this.#virtualTime = Math.max(this.#virtualTime, flow.tag);
    }
    if (!flow.listed) {
      flow.listed = true;
      this.#idle.push(flow);
    }
    if (this.#idle.length - this.#idleHead > IDLE_KEPT) this.#forget();
  }

  /** Looks at two idle flows for each that turns idle, so that the list cannot outgrow the flows that are active. */
  #forget(): void {
    for (let i = 0; i < 2; i++) {
      const flow = this.#idle[this.#idleHead];
      if (flow === undefined) break;
      this.#idleHead++;
      if (flow.active) flow.listed = false;
      else if (flow.tag <= this.#virtualTime) {
        flow.listed = false;
        this.#loads.remove(flow);
        this.#flows.delete(flow.name);
        if (this.#last === flow) this.#last = undefined;
      } else this.#idle.push(flow);
    }
    if (this.#idleHead > IDLE_KEPT && this.#idleHead * 2 > this.#idle.length) {
      this.#idle = this.#idle.slice(this.#idleHead);
      this.#idleHead = 0;
    }
  }
}

/** Those put back stand at the head, and there are no more of them than seats. */
function lastOlderFromHead(line: Line, task: Task): Task | undefined {
  let before: Task | undefined = undefined;
  for (let next = line.head; next !== undefined && next.seq < task.seq; next = next.next) before = next;
  return before;
}

/** A newcomer is younger than all; only a task that changes lanes goes further than the first step. */
function lastOlderFromTail(line: Line, task: Task): Task | undefined {
  let before = line.tail;
  while (before !== undefined && before.seq > task.seq) before = before.previous;
  return before;
}

function link(line: Line, task: Task, before: Task | undefined): void {
  const after = before === undefined ? line.head : before.next;
  task.previous = before;
  task.next = after;
  if (before === undefined) line.head = task;
  else before.next = task;
  if (after === undefined) line.tail = task;
  else after.previous = task;
}

function unlink(line: Line, task: Task): void {
  if (task.previous === undefined) line.head = task.next;
  else task.previous.next = task.next;
  if (task.next === undefined) line.tail = task.previous;
  else task.next.previous = task.previous;
  task.previous = undefined;
  task.next = undefined;
}
