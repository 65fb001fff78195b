/**
 * First in, first out, and nothing else: no lanes, no flows, no deadlines. Most published tests of fair schedulers pass
 * it, so a property of ours counts only if this fails it.
 */

import type { Clock } from "../../src/core/clock.ts";
import { LanewayError } from "../../src/core/errors.ts";
import type { TaskOptions } from "../../src/core/options.ts";
import type { Permit } from "../../src/core/permit.ts";
import type { Runs } from "../../src/testing/recorder.ts";

interface Waiter {
  readonly width: number;
  readonly start: () => void;
}

export class Fifo implements Runs {
  readonly #clock: Clock;
  readonly #queueMax: number;
  readonly #waiters: Waiter[] = [];
  #free: number;

  constructor(limit: number, clock: Clock, queueMax: number = Infinity) {
    this.#free = limit;
    this.#clock = clock;
    this.#queueMax = queueMax;
  }

  async run<T>(fn: (permit: Permit) => T | PromiseLike<T>, task: TaskOptions = {}): Promise<T> {
    const width = task.width ?? 1;
    const submittedAt = this.#clock.now();
    if (this.#waiters.length >= this.#queueMax)
      throw new LanewayError("full", { code: "LANEWAY_REJECTED", reason: "resource-full" });
    await new Promise<void>((start) => {
      this.#waiters.push({ width, start });
      this.#next();
    });
    try {
      return await fn({ waitMs: this.#clock.now() - submittedAt } as Permit);
    } finally {
      this.#free += width;
      this.#next();
    }
  }

  #next(): void {
    for (
      let head = this.#waiters[0];
      head !== undefined && head.width <= this.#free;
      head = this.#waiters[0]
    ) {
      this.#waiters.shift();
      this.#free -= head.width;
      head.start();
    }
  }
}
