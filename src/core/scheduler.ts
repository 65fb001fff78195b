/**
 * The only file that moves a task between states. Synchronous and single-threaded: each entry point (submit, release,
 * cancel, requeue, a timer) reads the clock once, changes states, and hands every freed seat over before it returns.
 * Settling a promise only schedules its reactions, so no user code runs in the middle of a change; what user code does
 * run (record listeners, abort listeners) finds a consistent state and cannot dispatch recursively.
 */

import { Aging } from "./aging.ts";
import { refuseIfOutOfBounds } from "./bounds.ts";
import { Budgets } from "./budget/budgets.ts";
import { mayNeed, needOf } from "./budget/need.ts";
import { Choice } from "./choice.ts";
import type { Clock } from "./clock.ts";
import type { ResourceConfig } from "./config.ts";
import type { Ambient, ContextPort } from "./context.ts";
import { LanewayError } from "./errors.ts";
import { dueAt, expireDue, nextExpiry } from "./expiry.ts";
import { isShortOfMemory, refuseAtTheDoor } from "./door.ts";
import { releaseSuccessor } from "./give-way.ts";
import { dueOf, flowOf, laneFor, noteOptions, widthOf } from "./intake.ts";
import { Lane } from "./lane.ts";
import type { NeverStarted } from "./lane.ts";
import { Ledger } from "./ledger.ts";
import { follow, learn, seatsAboveFloors } from "./limit/feed.ts";
import type { Limit } from "./limit/limit.ts";
import { Nesting } from "./nesting.ts";
import type { Cost, TaskOptions } from "./options.ts";
import type { Ports } from "./ports.ts";
import { Records } from "./records.ts";
import { shares } from "./seats.ts";
import { listen, unlisten } from "./signals.ts";
import {
  AGED,
  BACKING_OFF,
  BY_WEIGHT,
  ENDED,
  EXEMPT,
  LISTED,
  OVERDUE,
  RETURNED,
  RUNNING,
  SHADOW,
  Task,
  WAITING,
  waitMs,
} from "./task.ts";
import { Vacancies } from "./vacancies.ts";
import { Wake } from "./wake.ts";

export class Scheduler {
  readonly name: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly context: ContextPort | undefined;
  readonly flowWeight: ((flow: string) => number) | undefined;
  readonly turn: Ports["turn"];
  readonly memory: Ports["memory"];
  /** Until then there was memory enough when it was last looked at. */
  memoryFrom: number;
  readonly #contextClock: boolean;
  config: ResourceConfig;
  limit: Limit;
  /** Takes part in choosing: every lane that takes seats, most important first. */
  lanes: Lane[];
  all: Lane[]; // those and the exempt ones
  byName: Map<string, Lane>;
  /** Gone from the policy, with tasks that still run. */
  retired: Lane[] = [];
  top: Lane;
  defaultLane: Lane;

  readonly ledger: Ledger;
  waiting = 0;
  backingOff = 0;
  running = 0;
  draining = false;
  /** The drain took too long: what comes back now comes too late. */
  drained = false;
  /** Called, once each, when nothing runs and nothing waits. */
  readonly whenIdle: Set<() => void> = new Set();

  readonly aging: Aging;
  readonly wake: Wake;
  readonly records: Records;
  readonly vacancies: Vacancies;
  readonly nesting: Nesting | undefined;
  /** Made with the first budget that is limited, named or paused. */
  budgets: Budgets | undefined = undefined;
  readonly #choice: Choice;
  #seq = 0;
  #dispatching = false;
  /** A head has left without starting: seats or budget that were for it must be given before the call ends. */
  #unparked = false;

  constructor(name: string, config: ResourceConfig, limit: Limit, ports: Ports) {
    this.name = name;
    this.clock = ports.clock;
    this.random = ports.random;
    this.context = ports.context;
    this.flowWeight = ports.flowWeight;
    this.turn = ports.turn;
    this.memory = ports.memory;
    this.memoryFrom = ports.memory === undefined ? Infinity : -Infinity;
    this.#contextClock = ports.contextClock === true;
    this.config = config;
    this.limit = limit;
    this.ledger = new Ledger(seatsAboveFloors(this));
    this.aging = new Aging(config.agingBudget);
    this.records = new Records(this);
    this.vacancies = new Vacancies(this);
    this.nesting = ports.detectDeadlock === true ? new Nesting(this) : undefined;
    this.wake = new Wake(this.clock, () => this.#onWake());
    this.#choice = new Choice(this);
    const now = this.clock.now();
    const due = shares(this.ledger.seats, config.lanes);
    this.all = config.lanes.map((lane, rank) => new Lane(this, lane, rank, due[rank]!, now));
    this.lanes = this.all.filter((lane) => !lane.config.exempt);
    this.byName = new Map(this.all.map((lane) => [lane.name, lane]));
    this.top = this.lanes[0]!;
    this.defaultLane = this.byName.get(config.defaultLane)!;
    this.ledger.recount(this.lanes);
    if (config.budgets !== undefined) this.budgets = new Budgets(this);
    follow(this, limit);
  }

  get idle(): boolean {
    return this.running === 0 && this.waiting === 0 && this.backingOff === 0;
  }

  // ── submitting ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes a task in: started when a seat is free for it, else queued, else ended with its cause. With `mayWait` false a
   * task that would have to wait is undone and undefined returned.
   */
  submit(options: TaskOptions, mayWait: true): Task;
  submit(options: TaskOptions, mayWait: boolean): Task | undefined;
  submit(options: TaskOptions, mayWait: boolean): Task | undefined {
    const now = this.clock.now();
    this.limit.onSubmit?.(this.ledger.inUse, this.waiting, now);
    const ambient = this.context?.get();
    const lane = laneFor(this, options, ambient);
    const width = widthOf(options);
    const flow = flowOf(options, ambient);
    const due = dueOf(options, this.#contextClock ? ambient?.deadline : undefined, lane, now);
    const isLate = due !== undefined && due <= now;
    const { exempt, state } = lane.config;
    const closed = this.draining || state === "draining" || isLate || options.signal?.aborted === true;
    const refused = closed || (now >= this.memoryFrom && isShortOfMemory(this, lane, now));
    const passesBy = refused || exempt;
    // What does not fit now will not fit after others were served first.
    if (!mayWait && (refused || (!exempt && Math.min(width, lane.share.hold) > this.ledger.roomFor(lane))))
      return undefined;
    const need = mayNeed(this, options) ? needOf(this, options) : undefined;
    // Asking for a flow makes the lane remember it, so only for a task that can start or queue.
    const queue = passesBy ? lane.fair.peekFlow(flow) : lane.fair.flow(flow);
    const task = new Task(queue, this.#seq++, now);
    if (due !== undefined) task.extra.dueAt = due;
    if (need !== undefined) task.extra.need = need;
    noteOptions(this.records, task, options, ambient);
    task.width = width > lane.share.hold ? lane.share.hold : width;
    if (passesBy) {
      if (!refuseAtTheDoor(this, task, now)) this.#start(task, now);
      return task;
    }
    this.vacancies.used(lane);
    const fits = task.width <= this.ledger.roomFor(lane);
    if (this.waiting === 0 && fits && (need === undefined || this.budgets!.suffices(task, now, false))) {
      this.#start(task, now);
      return task;
    }
    this.enqueue(task, now);
    if (!this.ledger.full) this.dispatch(now);
    if (task.state !== WAITING) return task;
    if (!mayWait) {
      this.#dequeue(task);
      task.state = ENDED;
    } else if (!refuseIfOutOfBounds(this, task, now)) this.#settleIn(task, ambient, now);
    if (this.#unparked) this.dispatch(now);
    this.#tellProducers(now);
    return mayWait ? task : undefined;
  }

  /** A newcomer that may wait: on its guard for time-outs, for its caller leaving, for a wait that cannot end. */
  #settleIn(task: Task, ambient: Ambient | undefined, now: number): void {
    const lane = task.home;
    lane.arrivals.add(task);
    if (task.dueAt !== undefined) this.wake.setInstant(task, task.dueAt);
    this.wake.by(Math.min(dueAt(task), now + lane.config.queueTimeoutMs), now);
    listen(task);
    this.records.queued(task);
    if (ambient?.holder !== undefined) this.nesting?.waits(task, ambient.holder, now);
  }

  // ── queue and seats ───────────────────────────────────────────────────────────────────────────────────────────────

  enqueue(task: Task, now: number): void {
    const lane = task.home;
    task.state = WAITING;
    task.position = lane.waiting;
    if (lane.waiting === 0) {
      this.#choice.queued(lane);
      lane.pace.begin(now);
    }
    lane.fair.add(task, task.returned);
    lane.waiting++;
    this.waiting++;
  }

  #dequeue(task: Task, toStart = false): void {
    const lane = task.home;
    if (toStart) lane.fair.take(task, task.returned);
    else lane.fair.remove(task, task.returned);
    if (task.returned) lane.returned.splice(lane.returned.indexOf(task), 1);
    lane.waiting--;
    this.waiting--;
    if (!toStart && task.more !== undefined && task.more.need !== undefined) this.#unparked = true;
    if (lane.parkedFor === task) {
      lane.parkedFor = undefined;
      this.#unparked = !toStart;
    }
  }

  /** Hands free seats to waiters until none may be given. */
  dispatch(now: number): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    this.#unparked = false;
    while (this.waiting > 0 && !this.ledger.full) {
      const task = this.#choice.next(now);
      if (task !== undefined) this.admit(task, now);
      else if (!this.#unparked) break;
      this.#unparked = false;
    }
    this.#choice.endRound();
    this.#dispatching = false;
  }

  /** Starts a task that waits, or that goes on without waiting, and tells whoever waits for it. */
  admit(task: Task, now: number): void {
    if (task.state === WAITING) {
      this.#dequeue(task, !task.home.config.exempt);
      task.home.pace.started(now, task.home.runs.mean(now) ?? 0);
    }
    this.#leaveQueue(task, task.more?.controller !== undefined);
    this.#start(task, now);
    const settle = task.tell;
    task.tell = task.more?.answer;
    settle?.(task);
  }

  #start(task: Task, now: number): void {
    const lane = task.home;
    const queued = task.state === WAITING;
    task.state = RUNNING;
    task.startedAt = now;
    if (!task.returned) lane.admitted++;
    lane.running++;
    this.running++;
    if (task.more !== undefined && task.more.need !== undefined) this.budgets!.charge(task, now);
    if (lane.config.exempt) {
      task.mark(EXEMPT);
      task.charged = 0;
    } else {
      this.ledger.take(lane, task.width);
      task.charged = lane.fair.charge(task.queue, task.width, now, queued);
      if (task.is(AGED)) this.aging.spend(lane, task.charged);
      if (task.is(BY_WEIGHT)) this.#choice.charge(lane, task.charged);
    }
    lane.waits.record(waitMs(task, now), now);
    if (!task.is(LISTED | RETURNED)) lane.arrivals.add(task);
    if (task.dueAt === undefined) this.wake.by(task.arrivedAt + lane.config.timeoutMs, now);
    else if (task.dueAt !== Infinity) {
      this.wake.setInstant(task, task.dueAt);
      this.wake.by(task.dueAt, now);
    }
  }

  // ── ending ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The caller is done with its permit, whatever became of the task: in shadow mode it may still be queued here. */
  end(task: Task, failed: boolean, used?: Cost): void {
    if (task.is(SHADOW) && task.state === WAITING) this.admit(task, this.clock.now());
    if (!task.is(SHADOW) || task.state === RUNNING) this.release(task, failed, used);
  }

  /** The task's work has ended: its seats go to the next waiters. A second call does nothing. */
  release(task: Task, failed: boolean, used?: Cost): void {
    if (task.state !== RUNNING) return releaseSuccessor(task, failed, used);
    const now = this.clock.now();
    const { inUse } = this.ledger;
    const runMs = this.vacate(task, now, used);
    const lane = task.home;
    lane.runTimes.record(runMs, now);
    if (!task.is(OVERDUE)) {
      if (failed) lane.failed++;
      else lane.finished++;
    }
    // An estimator may change its mind here: it must find this task done.
    learn(task, runMs, inUse, failed, now);
    this.records.ended(task, failed, runMs, now);
    this.afterChange(now);
  }

  /** Takes the seats back and learns from the run; the task is over. */
  vacate(task: Task, now: number, used?: Cost): number {
    const lane = task.home;
    const runMs = now - task.startedAt!;
    task.state = ENDED;
    lane.running--;
    this.running--;
    if (task.dueAt !== undefined) this.wake.setInstant(task, Infinity);
    if (!task.is(EXEMPT)) {
      const cost = runMs * task.width;
      this.ledger.take(lane, -task.width);
      lane.fair.settle(task.queue, task.charged!, task.width, runMs);
      this.aging.end(lane, task.charged!, cost, task.is(AGED));
      if (task.is(BY_WEIGHT)) lane.tag += (cost - task.charged!) / lane.config.weight;
    }
    lane.runs.add(runMs, now);
    if (task.is(LISTED)) lane.arrivals.ended();
    task.tell = undefined;
    if (task.more !== undefined) {
      unlisten(task);
      this.nesting?.ended(task);
      if (task.more.need !== undefined) this.budgets!.settle(task, used, now);
    }
    return runMs;
  }

  /** After any change that may have freed a seat or left the resource idle. */
  afterChange(now: number): void {
    if (this.waiting > 0) {
      this.dispatch(now);
      this.nesting?.breakDeadlocks(now);
    }
    if (this.#tellProducers(now) || !this.idle || this.whenIdle.size === 0) return;
    for (const tell of this.whenIdle) tell();
    this.whenIdle.clear();
  }

  /** Whether some still wait. If not, and nothing else does or runs, there is nothing to wake for. */
  #tellProducers(now: number): boolean {
    if (this.vacancies.producers > 0) this.vacancies.left(now);
    if (this.vacancies.producers > 0) return true;
    if (this.idle) this.wake.rest();
    return false;
  }

  /** Ends a task that is not running, with what its caller is told. The caller of this dispatches afterwards. */
  refuse(task: Task, outcome: NeverStarted, cause: unknown, now: number): Task {
    const lane = task.home;
    if (task.state === WAITING) this.#dequeue(task);
    else if (task.state === BACKING_OFF) {
      lane.backingOff--;
      this.backingOff--;
    }
    this.#leaveQueue(task, false);
    if (task.is(LISTED)) lane.arrivals.ended();
    task.state = ENDED;
    task.extra.cause = cause;
    const reason = cause instanceof LanewayError ? cause.reason : undefined;
    if (reason !== undefined) lane.countReason(reason);
    if (task.returned) {
      if (!task.is(OVERDUE)) lane.failed++;
    } else lane.never[outcome]++;
    this.records.neverStarted(task, outcome, reason, now);
    task.tell?.(task);
    return task;
  }

  #leaveQueue(task: Task, listening: boolean): void {
    if (task.more === undefined) return;
    if (!listening && !task.is(SHADOW)) unlisten(task);
    this.wake.setInstant(task, Infinity);
    this.nesting?.waitOver(task);
  }

  // ── time, and whoever gives up ────────────────────────────────────────────────────────────────────────────────────

  #onWake(): void {
    const now = this.clock.now();
    expireDue(this, now);
    this.afterChange(now);
    this.wake.by(nextExpiry(this, now), now);
  }

  /** The caller gave up: a waiter is out of the queue at once, a running task is told through its signal. */
  giveUp(task: Task, reason: unknown): void {
    if (task.state !== WAITING && task.state !== BACKING_OFF) return;
    const now = this.clock.now();
    this.refuse(task, "cancelled", reason, now);
    this.afterChange(now);
  }
}
