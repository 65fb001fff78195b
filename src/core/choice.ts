/**
 * Who gets the next free seat. The whole order of a resource in one place:
 *
 *   (a) the lane whose floor it is
 *   (b) the top lane, while below its reservation
 *   (c) the aged pick, if aging's budget allows
 *   (d) lanes below their reservation, by rank
 *   (e) the rest, by rank ("strict") or by weight ("weighted")
 *
 * Each step asks lanes for their head; a head that does not fit lets the next lane try, except a wide one (more than
 * one seat) at its turn: free seats stay parked for it, for one median run at a time, and nobody later in the order
 * gets them. When that time is up others pass it for one round, then seats are parked anew, for twice as long as the last
 * time: with runs of very different lengths half of the seats never come free within one median, and a task as wide as
 * the limit would wait for ever. Growing by one median at a time loses what was parked more often: with 50 seats and
 * exponential runs the longest wait was 219 mean runs instead of 18, and more seats stood idle.
 */

import type { Line } from "./backlog.ts";
import type { Gate } from "./budget/gate.ts";
import type { Lane } from "./lane.ts";
import type { Scheduler } from "./scheduler.ts";
import { expireHead } from "./expiry.ts";
import { AGED, BY_WEIGHT } from "./task.ts";
import type { Task } from "./task.ts";

/** Before anything was measured a wide head parks for this long. */
const UNMEASURED_RUN_MS = 1_000;
/** Tasks that take no time would make it end before it began, and the timer spin. */
const SHORTEST_PARKING_MS = 1;

export class Choice {
  readonly #scheduler: Scheduler;
  /** Lines whose wide head was passed in this round. */
  #passed: { lane: Lane; line: Line }[] = [];
  /** Gates whose head lacks budget, as far as this choice has looked. */
  #shut: Gate[] = [];
  /** The first head found to lack budget since this was last cleared. */
  #lacking: Task | undefined = undefined;
  /** Progress of the lane in service under `order: "weighted"`. */
  #laneTime = 0;
  /** A wide head keeps the rest of the free seats. */
  #parked = false;
  /** A head that seats were parked for turned out to lack budget. */
  #unparked = false;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** The next task to start, still in its queue; undefined when no seat may be given now. Settles expired heads. */
  next(now: number): Task | undefined {
    this.#unparked = false;
    const task = this.#look(now);
    // What was spoken for as that head had seats to go to is there for those that were looked at before it. Once more and
    // not until none is given up: a head that has budget out of turn only is parked for and given up in every look.
    return task === undefined && this.#unparked ? this.#look(now) : task;
  }

  #look(now: number): Task | undefined {
    const { lanes, top, aging } = this.#scheduler;
    this.#parked = false;
    // What was taken and who has left since change what suffices, both ways.
    this.#reopen();
    for (const lane of lanes) {
      if (lane.waiting === 0 || lane.seats >= lane.share.floor) continue;
      const task = this.#head(lane, now);
      if (task !== undefined || this.#parked) return task;
    }
    if (top.waiting > 0 && top.belowReservation) {
      const task = this.#head(top, now);
      if (task !== undefined || this.#parked) return task;
    }
    const aged = aging.turn(lanes, now);
    if (aged === undefined) {
      if (this.#scheduler.budgets?.hold(undefined, now) === true) return this.#look(now);
    } else {
      this.#reopen();
      this.#lacking = undefined;
      const task = this.#head(aged, now, true);
      const isNew = this.#scheduler.budgets?.hold(task === undefined ? this.#lacking : undefined, now);
      if (task === undefined && isNew === true) return this.#look(now);
      if (task !== undefined) task.mark(AGED);
      if (task !== undefined || this.#parked) return task;
    }
    for (const lane of lanes) {
      if (lane.waiting === 0 || !lane.belowReservation) continue;
      const task = this.#head(lane, now);
      if (task !== undefined || this.#parked) return task;
    }
    return this.#scheduler.config.order === "strict" ? this.#byRank(now) : this.#byWeight(now);
  }

  /** A lane begins to wait: it has saved nothing up while it did not. */
  queued(lane: Lane): void {
    lane.tag = Math.max(lane.tag, this.#laneTime);
  }

  /** A task got its seat by its lane's weight, and is expected to cost this many seat-milliseconds. */
  charge(lane: Lane, cost: number): void {
    this.#laneTime = Math.max(this.#laneTime, lane.tag);
    lane.tag += cost / lane.config.weight;
  }

  /** The round is over: those that were passed stand in their places again. */
  endRound(): void {
    this.#reopen();
    if (this.#passed.length === 0) return;
    for (const { lane, line } of this.#passed) lane.fair.restore(line);
    this.#passed = [];
  }

  #byRank(now: number): Task | undefined {
    for (const lane of this.#scheduler.lanes) {
      if (lane.waiting === 0) continue;
      const task = this.#head(lane, now);
      if (task !== undefined || this.#parked) return task;
    }
    return undefined;
  }

  #byWeight(now: number): Task | undefined {
    const lanes = this.#scheduler.lanes
      .filter((lane) => lane.waiting > 0)
      .sort((a, b) => a.tag - b.tag || a.rank - b.rank);
    for (const lane of lanes) {
      const task = this.#head(lane, now);
      if (task !== undefined) task.mark(BY_WEIGHT);
      if (task !== undefined || this.#parked) return task;
    }
    return undefined;
  }

  /** The lane's next task if it fits; expired ones are settled on the way. A head that lacks budget shuts only its gate. */
  #head(lane: Lane, now: number, outOfTurn = false): Task | undefined {
    const scheduler = this.#scheduler;
    for (let line = lane.fair.peek(); line !== undefined; line = lane.fair.peek()) {
      const task = line.head!;
      if (expireHead(scheduler, task, now)) continue;
      if (task.more !== undefined && task.more.need !== undefined && this.#lacks(task, now, outOfTurn))
        continue;
      const width = Math.min(task.width, lane.share.hold);
      const room = scheduler.ledger.roomFor(lane);
      if (width <= room) {
        task.width = width;
        return task;
      }
      if (width === 1 || !this.#passes(lane, task, scheduler.ledger.freeFor(lane), now)) return undefined;
      lane.fair.setAside(line);
      this.#passed.push({ lane, line });
    }
    return undefined;
  }

  /** Whether no budget suffices for this head: nobody behind its gate is looked at any more. */
  #lacks(task: Task, now: number, outOfTurn: boolean): boolean {
    const { budgets, wake } = this.#scheduler;
    if (budgets!.suffices(task, now, outOfTurn)) return false;
    // Seats stay parked only for what they alone keep from starting.
    if (task.home.parkedFor === task) {
      task.home.parkedFor = undefined;
      this.#unparked = true;
    }
    const { gate } = task.more!.need!.strand!;
    gate.shut = true;
    this.#shut.push(gate);
    this.#lacking ??= task;
    wake.by(budgets!.readyAt(task, now, outOfTurn), now);
    return true;
  }

  #reopen(): void {
    if (this.#shut.length === 0) return;
    for (const gate of this.#shut) gate.shut = false;
    this.#shut = [];
  }

  /**
   * Whether others may pass this wide head now. While they may not, the seats that it could use stay parked; where only
   * its own lane's ceiling stands in the way, other lanes go on and only its lane waits.
   */
  #passes(lane: Lane, task: Task, free: number, now: number): boolean {
    if (lane.parkedFor === task && now >= lane.parkedUntil) {
      this.#park(lane, task, now);
      return true;
    }
    if (free > 0) {
      if (lane.parkedFor !== task) this.#park(lane, task, now);
      if (lane.seats + task.width <= lane.share.ceiling) this.#parked = true;
    }
    return false;
  }

  #park(lane: Lane, task: Task, now: number): void {
    const run = Math.max(SHORTEST_PARKING_MS, lane.runs.median(now) ?? UNMEASURED_RUN_MS);
    lane.parkedFor = task;
    lane.parkedUntil = now + run * 2 ** task.extra.parkings++;
    this.#scheduler.wake.by(lane.parkedUntil, now);
  }
}
