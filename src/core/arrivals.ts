/**
 * The tasks of one lane in order of arrival, to find the next time-out and the oldest waiter without a timer each.
 *
 * All tasks of a lane have the lane's own time-outs, so they run out in the order in which they came: two cursors over
 * one list replace a heap. What has ended stays in the list until a cursor passes it or the list is half dead, which
 * costs nothing to cancel and O(1) amortised to sweep.
 *
 *   [ ended | ended | running | ended | waiting | running | waiting | … ]
 *                     ^ unended         ^ waiter
 */

import type { Task } from "./task.ts";
import { LISTED, isDueByLane, isEnded, isWaiting } from "./task.ts";

const SWEEP_FROM = 64;

export class Arrivals {
  #tasks: Task[] = [];
  #unended = 0;
  #waiter = 0;
  #ended = 0;

  add(task: Task): void {
    task.mark(LISTED);
    this.#tasks.push(task);
  }

  /** To be told of each task of the list that ends. */
  ended(): void {
    if (++this.#ended >= SWEEP_FROM && this.#ended * 2 >= this.#tasks.length) this.#sweep();
  }

  /** The oldest task that runs or waits under the lane's own time-out. */
  oldest(): Task | undefined {
    const tasks = this.#tasks;
    while (this.#unended < tasks.length) {
      const task = tasks[this.#unended]!;
      if (isDueByLane(task)) return task;
      this.#unended++;
    }
    return undefined;
  }

  /** The oldest task that still waits for its first start. */
  oldestWaiting(): Task | undefined {
    const tasks = this.#tasks;
    while (this.#waiter < tasks.length) {
      const task = tasks[this.#waiter]!;
      if (isWaiting(task)) return task;
      this.#waiter++;
    }
    return undefined;
  }

  /** Takes out those that still wait, for another lane to take over. */
  takeWaiting(): Task[] {
    const waiting = this.#tasks.filter(isWaiting);
    this.#tasks = this.#tasks.filter((task) => !isWaiting(task));
    this.#sweep();
    return waiting;
  }

  /** Takes over the waiting tasks of a lane that is gone. */
  merge(tasks: readonly Task[]): void {
    this.#tasks = [...this.#tasks, ...tasks].sort((a, b) => a.arrivedAt - b.arrivedAt || a.seq - b.seq);
    this.#sweep();
  }

  #sweep(): void {
    const tasks = this.#tasks;
    let kept = 0;
    for (const task of tasks) if (!isEnded(task)) tasks[kept++] = task;
    tasks.length = kept;
    this.#unended = 0;
    this.#waiter = 0;
    this.#ended = 0;
  }
}
