/**
 * What must hold after every event, whatever happened: recomputed from the tasks themselves, not from the scheduler's
 * own sums. It listens at four doors of one scheduler (a task comes in, a seat is taken, a task is refused, an event is
 * over) and throws nothing: violations are collected, for a throw would be swallowed by the code it is thrown through.
 */

import { waitsSince } from "../../../src/core/credit.ts";
import { LanewayError, REASONS } from "../../../src/core/errors.ts";
import type { Lane, NeverStarted } from "../../../src/core/lane.ts";
import type { Scheduler } from "../../../src/core/scheduler.ts";
import {
  AGED,
  BACKING_OFF,
  ENDED,
  EXEMPT,
  OVERDUE,
  RUNNING,
  SHADOW,
  WAITING,
  waitMs,
} from "../../../src/core/task.ts";
import type { Task } from "../../../src/core/task.ts";
import { BudgetJudge } from "./judge-budget.ts";
import { judgeEviction, judgeRefusal } from "./judge-refusal.ts";
import { judgeStart } from "./judge-start.ts";

const MOST_SEATS = 12;

export class Audit {
  readonly scheduler: Scheduler;
  /** `promise 3: a seat is idle while …`, in order of discovery. */
  readonly violations: string[] = [];
  /** Tasks that are not over. */
  readonly live: Set<Task> = new Set();
  readonly lanesEver: Set<Lane> = new Set();
  offered = 0;
  /** The task that the last `submit` made; undefined when it was undone. */
  latest: Task | undefined = undefined;
  /** Lanes were changed: tasks that were put back before keep the queue time-out of then. */
  lanesChanged = false;
  /** Aged and all seat-time that has been spent, and the dearest task, for the budget of promise 6. */
  agedTime = 0;
  allTime = 0;
  dearest = 0;
  starts = 0;
  /** When a waiter past its age was last refused in a lane: a pick that was meant for it may serve a younger one. */
  readonly oldRefusedAt: Map<Lane, number> = new Map();
  readonly budgets: BudgetJudge = new BudgetJudge(this);
  readonly #running: Set<Task> = new Set();
  #startedNow: Task[] = [];

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
    this.#watchLanes();
    this.#watchSubmit();
    this.#watchEnds();
    this.#watchRefusals();
    this.#watchChanges();
  }

  fault(promise: number, what: string): void {
    if (this.violations.length < 20) this.violations.push(`promise ${promise}: ${what}`);
  }

  /** Recomputes everything; called after each event, when the scheduler's own work is done. */
  check(): void {
    for (const task of this.live) {
      if (task.state === ENDED) this.#forget(task);
      else if (task.state === RUNNING && !this.#running.has(task)) this.#startedNow.push(task);
    }
    this.#seatsAddUp();
    this.#nothingPastTheLimit();
    this.#floorsAreKept();
    this.#noSeatIdle();
    this.#countersAddUp();
    for (const task of this.#running) if (task.state === ENDED) this.#running.delete(task);
    for (const task of this.#startedNow) this.#running.add(task);
    this.#startedNow = [];
  }

  /** One that was put back lives on in the task that took its place. */
  #forget(task: Task): void {
    this.live.delete(task);
    const successor = task.more?.successor;
    if (successor !== undefined && successor.state !== ENDED) this.live.add(successor);
  }

  // ── the doors ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #watchSubmit(): void {
    const { scheduler } = this;
    const submit = scheduler.submit.bind(scheduler) as (
      options: object,
      mayWait: boolean,
    ) => Task | undefined;
    this.budgets.watch();
    const watched = (options: object, mayWait: boolean): Task | undefined => {
      this.budgets.watch();
      const task = submit(options, mayWait);
      this.latest = task;
      if (task !== undefined) {
        this.offered++;
        this.live.add(task);
      }
      this.check();
      return task;
    };
    scheduler.submit = watched as Scheduler["submit"];
  }

  #watchChanges(): void {
    const { scheduler } = this;
    const afterChange = scheduler.afterChange.bind(scheduler);
    scheduler.afterChange = (now) => {
      this.#watchLanes();
      afterChange(now);
      this.check();
    };
  }

  /** Called while the task has its seats already and the next one has not been chosen. */
  #started(lane: Lane): void {
    this.starts++;
    const started = [...this.live].find(
      (task) => task.home === lane && task.state === RUNNING && !this.#running.has(task),
    );
    // A newcomer that found its seats free, with nobody waiting, is not known yet.
    if (started === undefined) return;
    this.#running.add(started);
    this.#startedNow.push(started);
    // In shadow mode a task takes a seat when its caller is done with it, whoever stands before it.
    if (this.scheduler.config.enforce) judgeStart(this, started, started.is(AGED));
  }

  #watchEnds(): void {
    const { aging } = this.scheduler;
    const end = aging.end.bind(aging);
    aging.end = (lane, charged, actual, aged) => {
      end(lane, charged, actual, aged);
      this.allTime += actual;
      if (aged) this.agedTime += actual;
      this.dearest = Math.max(this.dearest, actual);
    };
  }

  #watchRefusals(): void {
    const { scheduler } = this;
    const refuse = scheduler.refuse.bind(scheduler);
    scheduler.refuse = (task: Task, outcome: NeverStarted, cause: unknown, now: number): Task => {
      if (now - waitsSince(task) >= task.home.config.agingAfterMs) this.oldRefusedAt.set(task.home, now);
      if (cause instanceof LanewayError) {
        if (!(REASONS[cause.code] as readonly string[]).includes(cause.reason))
          this.fault(13, `${cause.code} with the reason ${cause.reason}`);
        if (/\n\s+at /.test(cause.stack ?? "")) this.fault(12, `a ${cause.code} carries a stack`);
        if (outcome === "evicted") judgeEviction(this, task, cause);
        else judgeRefusal(this, task, outcome, cause, now);
      }
      return refuse(task, outcome, cause, now);
    };
  }

  #watchLanes(): void {
    for (const lane of this.scheduler.all) {
      if (this.lanesEver.has(lane)) continue;
      this.lanesEver.add(lane);
      const add = lane.fair.add.bind(lane.fair);
      lane.fair.add = (task, returned) => {
        this.live.add(task);
        add(task, returned);
      };
      const charge = lane.fair.charge.bind(lane.fair);
      lane.fair.charge = (...facts) => {
        this.#started(lane);
        return charge(...facts);
      };
    }
  }

  // ── what must hold ────────────────────────────────────────────────────────────────────────────────────────────────

  #seatsAddUp(): void {
    const { scheduler } = this;
    const count = new Map<Lane, { seats: number; running: number; waiting: number; backingOff: number }>();
    const of = (lane: Lane) => {
      const known = count.get(lane) ?? { seats: 0, running: 0, waiting: 0, backingOff: 0 };
      count.set(lane, known);
      return known;
    };
    for (const task of this.live) {
      const sum = of(task.home);
      if (task.state === WAITING) sum.waiting++;
      if (task.state === BACKING_OFF) sum.backingOff++;
      if (task.state !== RUNNING) continue;
      sum.running++;
      if (!task.is(EXEMPT)) sum.seats += task.width;
    }
    let seats = 0;
    for (const lane of this.lanesEver) {
      const sum = of(lane);
      seats += sum.seats;
      for (const key of ["seats", "running", "waiting", "backingOff"] as const)
        if (lane[key] !== sum[key])
          this.fault(1, `lane ${lane.name}: ${key} is ${lane[key]}, but its tasks say ${sum[key]}`);
    }
    if (scheduler.ledger.inUse !== seats)
      this.fault(1, `seats in use is ${scheduler.ledger.inUse}, but the tasks hold ${seats}`);
  }

  /** The seats that started in this event, floors' own tasks apart. */
  #nothingPastTheLimit(): void {
    const { scheduler } = this;
    const started = this.#startedNow.filter((task) => task.state === RUNNING && !task.is(EXEMPT));
    if (started.length === 0) return;
    if (scheduler.ledger.inUse > scheduler.ledger.seats)
      this.fault(
        1,
        `admitted past the limit: ${scheduler.ledger.inUse} of ${scheduler.ledger.seats} seats in use`,
      );
    for (const { home } of started)
      if (home.seats > home.share.ceiling)
        this.fault(1, `lane ${home.name} holds ${home.seats} seats, its ceiling is ${home.share.ceiling}`);
    const guaranteed = scheduler.lanes.reduce((sum, lane) => sum + lane.share.reservation, 0);
    if (guaranteed > scheduler.ledger.seats)
      this.fault(1, `reservations of ${guaranteed} seats at a limit of ${scheduler.ledger.seats}`);
  }

  #floorsAreKept(): void {
    const { scheduler } = this;
    const spoken = [...this.lanesEver].reduce(
      (sum, lane) =>
        sum + (scheduler.lanes.includes(lane) ? Math.max(lane.seats, lane.share.floor) : lane.seats),
      0,
    );
    if (spoken <= scheduler.ledger.seats) return;
    for (const task of this.#startedNow)
      if (task.state === RUNNING && !task.is(EXEMPT) && task.home.seats > task.home.share.floor)
        this.fault(2, `lane ${task.home.name} was lent a floor seat of another`);
  }

  /** Seats that a lane could take, by the words of the design. */
  room(lane: Lane): { free: number; room: number } {
    const { lanes, ledger } = this.scheduler;
    let free = ledger.seats;
    for (const other of this.lanesEver) free -= other.seats;
    for (const other of lanes) if (other !== lane) free -= Math.max(0, other.share.floor - other.seats);
    return { free, room: Math.min(free, lane.share.ceiling - lane.seats) };
  }

  #noSeatIdle(): void {
    const { scheduler } = this;
    const now = scheduler.clock.now();
    const parked = scheduler.lanes.filter((lane) => lane.parkedFor !== undefined && now < lane.parkedUntil);
    for (const lane of parked.length === 1 ? parked : []) {
      const { room } = this.room(lane);
      const { state, width, more } = lane.parkedFor!;
      if (state === WAITING && width <= room && more?.need === undefined)
        this.fault(
          16,
          `seats stay parked for a task of ${lane.parkedFor!.width} in lane ${lane.name}, although ${room} are free for it`,
        );
    }
    if (parked.length > 0) return;
    for (const task of this.live) {
      if (task.state !== WAITING || this.#hasElder(task)) continue;
      const { room } = this.room(task.home);
      if (Math.min(task.width, task.home.share.hold) <= room && !this.budgets.mayWait(task))
        this.fault(
          3,
          `${room} seats are free for lane ${task.home.name} while a task of ${task.width} waits in it`,
        );
    }
  }

  #hasElder(task: Task): boolean {
    for (const other of this.live)
      if (other.state === WAITING && inOneLine(other, task) && other.seq < task.seq) return true;
    return false;
  }

  #countersAddUp(): void {
    let counted = 0;
    let open = 0;
    let admitted = 0;
    let ended = 0;
    for (const lane of this.lanesEver) {
      const { rejected, evicted, timedOut, cancelled } = lane.never;
      counted += lane.admitted + rejected + evicted + timedOut + cancelled;
      admitted += lane.admitted;
      ended += lane.finished + lane.failed;
    }
    let unanswered = 0;
    for (const task of this.live) {
      if (task.state === WAITING && !task.returned) open++;
      if ((task.state === RUNNING || task.returned) && task.state !== ENDED && !task.is(OVERDUE))
        unanswered++;
    }
    if (counted + open !== this.offered)
      this.fault(11, `offered ${this.offered}, but ${counted} are counted and ${open} wait`);
    if (admitted !== ended + unanswered)
      this.fault(11, `admitted ${admitted}, but ${ended} ended and ${unanswered} go on`);
  }

  /** Nothing may stand still past its time: called when every timer up to now has fired. */
  checkDue(now: number): void {
    for (const task of this.live) {
      const due = task.dueAt ?? task.arrivedAt + task.home.config.timeoutMs;
      if (task.state === WAITING && due < now)
        this.fault(10, `still waits at ${now}, but its time was up at ${due}`);
      const queued = waitMs(task, now);
      const follows = !task.returned || !this.lanesChanged;
      if (task.state === WAITING && follows && queued > task.home.config.queueTimeoutMs + 1e-6)
        this.fault(9, `has waited ${queued} ms, longer than the queue's ${task.home.config.queueTimeoutMs}`);
      if (task.state === RUNNING && due < now && !task.is(OVERDUE) && !task.is(SHADOW))
        this.fault(11, `still runs unanswered at ${now}, but its time was up at ${due}`);
    }
  }

  /** Everything is over: nothing may be left behind. */
  checkRest(): void {
    const { scheduler } = this;
    const { running, waiting, backingOff } = scheduler;
    const seatsInUse = scheduler.ledger.inUse;
    if (seatsInUse + running + waiting + backingOff !== 0)
      this.fault(11, `at rest, but ${JSON.stringify({ seatsInUse, running, waiting, backingOff })}`);
    this.budgets.checkRest();
    if (this.live.size > 0) this.fault(11, `${this.live.size} tasks never ended`);
    const floors = scheduler.lanes.reduce((sum, lane) => sum + lane.share.floor, 0);
    if (scheduler.ledger.idleFloors !== floors)
      this.fault(2, `at rest ${scheduler.ledger.idleFloors} floor seats are idle instead of ${floors}`);
    if (scheduler.wake.nextInstant !== Infinity)
      this.fault(12, `at rest an instant is left at ${scheduler.wake.nextInstant}`);
    for (const lane of this.lanesEver)
      if (lane.fair.backlogged !== 0 || lane.returned.length !== 0)
        this.fault(11, `at rest lane ${lane.name} still lists waiters`);
    // What runs is charged by expectation: each seat may be wrong by one task, which a short history does not even out.
    const allowed = scheduler.config.agingBudget * this.allTime + this.dearest * (1 + MOST_SEATS);
    if (scheduler.aging.budget > 0 && this.agedTime > allowed + 1e-6)
      this.fault(
        6,
        `aged tasks took ${this.agedTime} of ${this.allTime} seat-milliseconds, the budget allows ${allowed}`,
      );
  }
}

/** Those of one flow go one after the other, unless they need different budgets. */
export function inOneLine(a: Task, b: Task): boolean {
  return a.queue === b.queue && a.more?.need?.set === b.more?.need?.set;
}
