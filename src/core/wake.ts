/**
 * The one timer of a resource. Time-outs of a lane are found through its list of arrivals; instants that are a task's
 * own (a deadline, the end of a back-off, the queue time-out of a task that was put back) stand in one heap.
 *
 * The timer looks a tenth of a second ahead at most and is never cancelled: setting and cancelling one for each task
 * cost a third of an uncontended `run`, while a pending timer that finds nothing to do is simply not set again. So a
 * process whose work is done exits within that tenth, and one whose caller waits for a time-out stays alive for it.
 */

import type { Clock } from "./clock.ts";
import { IndexedHeap } from "./heap.ts";
import { BACKING_OFF } from "./task.ts";
import type { Task } from "./task.ts";

class Instants extends IndexedHeap<Task> {
  protected override keyOf(task: Task): number {
    return task.extra.instant;
  }
  protected override before(): boolean {
    return false;
  }
  protected override indexOf(task: Task): number {
    return task.more === undefined ? -1 : task.more.instantIndex;
  }
  protected override place(task: Task, index: number): void {
    task.extra.instantIndex = index;
  }
}

const LOOK_AHEAD_MS = 100;

export class Wake {
  readonly #clock: Clock;
  readonly #look: () => void;
  readonly #instants = new Instants();
  #cancel: () => void = () => {};
  /** When the timer fires; Infinity while none is set. */
  #timerAt = Infinity;
  /** The earliest instant that somebody asked for. */
  #at = Infinity;

  /** `fire` is called when the instant has come, and asks `by` for the next one. */
  constructor(clock: Clock, fire: () => void) {
    this.#clock = clock;
    this.#look = () => {
      this.#timerAt = Infinity;
      const now = clock.now();
      if (this.#at > now) this.#set(now);
      else {
        this.#at = Infinity;
        fire();
      }
    };
  }

  /** Makes sure that the scheduler wakes at this instant or before. */
  by(at: number, now: number): void {
    if (at >= this.#at) return;
    this.#at = at;
    this.#set(now);
  }

  /** Nothing runs and nothing waits: there is no instant to wake for. */
  rest(): void {
    this.#at = Infinity;
  }

  #set(now: number): void {
    const at = Math.min(this.#at, now + LOOK_AHEAD_MS);
    if (this.#at === Infinity || this.#timerAt <= at) return;
    this.#cancel();
    this.#timerAt = at;
    this.#cancel = this.#clock.after(Math.max(0, at - now), this.#look);
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
