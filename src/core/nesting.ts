/**
 * Deadlocks among nested waits. A running task that submits a wait on the same resource holds seats that come free only
 * when that wait ends. When every seat that the wait's lane could use is held by such tasks, nobody will ever move: the
 * newest such wait is refused, which lets its task end and the others go on.
 */

import type { Holder } from "./context.ts";
import { LanewayError } from "./errors.ts";
import type { Lane } from "./lane.ts";
import type { Scheduler } from "./scheduler.ts";
import { ENDED, RUNNING, Task, waitMs } from "./task.ts";

export class Nesting {
  readonly #scheduler: Scheduler;
  /** Waits submitted by running tasks, oldest first. */
  readonly #waits = new Set<Task>();
  /** Seats of each lane whose holders wait here themselves. */
  readonly #stuck = new Map<Lane, number>();

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** A task was queued from inside the tasks of this chain. */
  waits(task: Task, chain: Holder, now: number): void {
    task.extra.holder = chain;
    if (this.#holders(task).length === 0) return;
    this.#waits.add(task);
    for (const holder of this.#holders(task))
      if (holder.extra.nestedWaits++ === 0) this.#count(holder, holder.width);
    this.breakDeadlocks(now);
  }

  /** The wait has ended, whichever way. */
  waitOver(task: Task): void {
    if (!this.#waits.delete(task)) return;
    for (const holder of this.#holders(task))
      if (holder.extra.nestedWaits > 0 && --holder.extra.nestedWaits === 0)
        this.#count(holder, -holder.width);
  }

  /** A holder has ended without waiting for its own waits. */
  ended(task: Task): void {
    if (task.extra.nestedWaits === 0) return;
    task.extra.nestedWaits = 0;
    this.#count(task, -task.width);
  }

  /** Refuses the newest wait that could never end: its task can go on then, and with it the others. */
  breakDeadlocks(now: number): void {
    for (const task of [...this.#waits].reverse()) {
      if (task.state === ENDED || this.#canMove(task)) continue;
      this.#scheduler.refuse(task, task.returned ? "timedOut" : "rejected", this.#deadlock(task), now);
      // Seats that were parked for it are free for others.
      this.#scheduler.dispatch(now);
      return;
    }
  }

  /** Whether enough seats that its lane could use are free, or held by tasks that will end without waiting here. */
  #canMove(task: Task): boolean {
    const lane = task.home;
    const width = Math.min(task.width, lane.share.hold);
    // Whoever paused a lane will let it go on.
    if (lane.share.ceiling === 0) return true;
    if (lane.seats - this.#moving(lane) + width > lane.share.ceiling) return false;
    let useful = this.#scheduler.ledger.freeFor(lane);
    for (const other of [...this.#scheduler.lanes, ...this.#scheduler.retired]) {
      const moving = this.#moving(other);
      useful += other === lane ? moving : Math.max(0, Math.min(moving, other.seats - other.share.floor));
    }
    return useful >= width;
  }

  /** Seats of a lane whose holders do not wait here. */
  #moving(lane: Lane): number {
    return lane.seats - (this.#stuck.get(lane) ?? 0);
  }

  #deadlock(task: Task): LanewayError {
    const { name } = this.#scheduler;
    const [holder] = this.#holders(task);
    const who = holder === undefined ? "a task" : describe(holder);
    const message =
      `resource "${name}", lane "${task.lane}": ${describe(task)} was submitted inside ${who}, and every seat it could ` +
      `use is held by tasks that wait for this resource themselves; do not take a second seat while holding one, or raise the limit`;
    return new LanewayError(message, {
      code: "LANEWAY_DEADLOCK",
      reason: "nested",
      resource: name,
      lane: task.lane,
      flow: task.flow,
      waitMs: waitMs(task, this.#scheduler.clock.now()),
    });
  }

  /** The running tasks of this resource that the wait was submitted in. */
  #holders(task: Task): Task[] {
    const holders: Task[] = [];
    for (let link = task.more?.holder; link !== undefined; link = link.outer) {
      if (!(link.task instanceof Task) || link.task.scheduler !== this.#scheduler) continue;
      let holder: Task | undefined = link.task;
      while (holder !== undefined && holder.state === ENDED) holder = holder.more?.successor;
      if (holder !== undefined && holder !== task && holder.state === RUNNING) holders.push(holder);
    }
    return holders;
  }

  #count(holder: Task, seats: number): void {
    this.#stuck.set(holder.home, (this.#stuck.get(holder.home) ?? 0) + seats);
  }
}

function describe(task: Task): string {
  return task.options.id === undefined ? `a task of lane "${task.lane}"` : `task "${task.options.id}"`;
}
