/**
 * The one timer of a resource. Time-outs of a lane are found through its list of arrivals; instants that are a task's
 * own (a deadline, the end of a back-off, the queue time-out of a task that was put back) stand in one heap. The timer
 * is set for the earliest of all and set anew only when something earlier comes.
 */

import type { Clock } from "./clock.ts";
import { IndexedHeap } from "./heap.ts";
import { BACKING_OFF } from "./task.ts";
import type { Task } from "./task.ts";

class Instants extends IndexedHeap<Task> {
  protected override before(a: Task, b: Task): boolean {
    return a.extra.instant < b.extra.instant;
  }
  protected override indexOf(task: Task): number {
    return task.more === undefined ? -1 : task.more.instantIndex;
  }
  protected override place(task: Task, index: number): void {
    task.extra.instantIndex = index;
  }
}

export class Wake {
  readonly #clock: Clock;
  readonly #fire: () => void;
  readonly #instants = new Instants();
  #cancel: (() => void) | undefined = undefined;
  #at = Infinity;

  constructor(clock: Clock, fire: () => void) {
    this.#clock = clock;
    this.#fire = () => {
      this.#cancel = undefined;
      this.#at = Infinity;
      fire();
    };
  }

  /** Makes sure that the scheduler wakes at this instant or before. */
  by(at: number, now: number): void {
    if (at >= this.#at) return;
    this.#cancel?.();
    this.#at = at;
    this.#cancel = this.#clock.after(Math.max(0, at - now), this.#fire);
  }

  /** Nothing runs and nothing waits: no timer may keep the process alive. */
  rest(): void {
    if (this.#cancel === undefined) return;
    this.#cancel();
    this.#cancel = undefined;
    this.#at = Infinity;
  }

  /** Sets, moves or (with `Infinity`) drops a task's own instant. */
  setInstant(task: Task, at: number): void {
    if (at === Infinity) {
      if (task.more !== undefined) this.#instants.remove(task);
      return;
    }
    task.extra.instant = at;
    if (task.extra.instantIndex >= 0) this.#instants.update(task);
    else this.#instants.add(task);
  }

  /** The earliest instant of any task, Infinity without one. */
  get nextInstant(): number {
    return this.#instants.peek()?.extra.instant ?? Infinity;
  }

  /** Tasks held back before they may wait again. */
  backingOff(): Task[] {
    return this.#instants.all().filter((task) => task.state === BACKING_OFF);
  }

  /** Takes out the earliest task whose instant has come. */
  due(now: number): Task | undefined {
    const task = this.#instants.peek();
    if (task === undefined || task.extra.instant > now) return undefined;
    this.#instants.remove(task);
    return task;
  }
}
