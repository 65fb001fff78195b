/**
 * Tasks that have waited in earlier submissions and count that: a client that was refused, or gave up, and asks again.
 * They are newcomers in every respect but two: their place in their flow, and their age.
 */

import type { Line } from "./backlog.ts";
import type { Task } from "./task.ts";

/** The instant since which a task has waited, credit included. */
export function waitsSince(task: Task): number {
  return task.more === undefined ? task.arrivedAt : task.arrivedAt - task.more.creditMs;
}

/**
 * The task of a line behind which one with credit stands: the last that has waited longer. It takes the number of the
 * one it stands before, for order in a flow is by number.
 */
export function placeByAge(line: Line, task: Task): Task | undefined {
  const since = waitsSince(task);
  let before = line.tail;
  while (before !== undefined && waitsSince(before) > since) {
    task.seq = before.seq;
    before = before.previous;
  }
  return before;
}

/** Those of one lane that wait, the oldest first. */
export class Credited {
  readonly #tasks: Task[] = [];

  /** The instant since which the oldest has waited; Infinity without one. */
  get since(): number {
    const [oldest] = this.#tasks;
    return oldest === undefined ? Infinity : waitsSince(oldest);
  }

  add(task: Task): void {
    this.#tasks.splice(this.#placeOf(task), 0, task);
  }

  remove(task: Task): void {
    // Others of the same age may stand before it.
    const at = this.#tasks.indexOf(task, this.#placeOf(task));
    if (at >= 0) this.#tasks.splice(at, 1);
  }

  /** The first place at which nobody before it is as young. */
  #placeOf(task: Task): number {
    const since = waitsSince(task);
    let low = 0;
    let high = this.#tasks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (waitsSince(this.#tasks[middle]!) < since) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
