/**
 * Backpressure: producers that wait until their lane can take one more task, settled one per vacancy and in order. A
 * vacancy that was promised stays promised until a task of that lane is submitted, or for a second.
 */

import { invalid } from "./errors.ts";
import type { Lane } from "./lane.ts";
import { refusal } from "./refusal.ts";
import type { Scheduler } from "./scheduler.ts";
import { Task } from "./task.ts";
import type { TaskOptions } from "./options.ts";

/** A producer that was told to go on and does not submit must not hold the vacancy for ever. */
const PROMISE_MS = 1_000;
const MOST_PRODUCERS = 1_000_000;

interface Producer {
  lane: Lane;
  readonly settle: (error: unknown) => void;
}

export class Vacancies {
  readonly #scheduler: Scheduler;
  readonly #producers = new Set<Producer>();
  /** When each promise that was not used yet runs out, by lane, oldest first. */
  readonly #promised = new Map<Lane, number[]>();

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get producers(): number {
    return this.#producers.size;
  }

  ready(lane: Lane, options: TaskOptions): Promise<void> {
    const scheduler = this.#scheduler;
    const now = scheduler.clock.now();
    if (scheduler.draining) return Promise.reject(drained(lane, now));
    if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
    const blocked = [...this.#producers].some((producer) => producer.lane === lane);
    if (!blocked && this.#room(lane, now) > 0) {
      this.#promise(lane, now);
      return Promise.resolve();
    }
    if (this.#producers.size >= MOST_PRODUCERS)
      throw invalid("ready", `at most ${MOST_PRODUCERS} producers`, MOST_PRODUCERS + 1);
    return new Promise((resolve, reject) => {
      const onAbort = () => producer.settle(options.signal!.reason);
      const producer: Producer = {
        lane,
        settle: (error) => {
          this.#producers.delete(producer);
          options.signal?.removeEventListener("abort", onAbort);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#producers.add(producer);
      options.signal?.addEventListener("abort", onAbort, { once: true });
      const promised = this.#promised.get(lane)?.[0];
      if (promised !== undefined) scheduler.wake.by(promised, now);
    });
  }

  /** A task of this lane was submitted: the oldest promise is used. */
  used(lane: Lane): void {
    if (this.#promised.size > 0) this.#promised.get(lane)?.shift();
  }

  /** Something left a queue or a seat: tells as many producers as there is room for. */
  left(now: number): void {
    if (this.#producers.size === 0) return;
    for (const producer of this.#producers) {
      if (this.#room(producer.lane, now) <= 0) continue;
      this.#promise(producer.lane, now);
      producer.settle(undefined);
    }
    // Promises that nobody uses run out by themselves, so those who still wait must be looked at again then.
    const waitedFor = new Set([...this.#producers].map((producer) => producer.lane));
    const next = Math.min(...[...waitedFor].map((lane) => this.#promised.get(lane)?.[0] ?? Infinity));
    if (this.#producers.size > 0 && next !== Infinity) this.#scheduler.wake.by(next, now);
  }

  /** A lane is gone: its producers wait for its heir. */
  move(lane: Lane, heir: Lane): void {
    for (const producer of this.#producers) if (producer.lane === lane) producer.lane = heir;
    this.#promised.delete(lane);
  }

  /** Nothing new is taken: every producer is told. */
  drain(now: number): void {
    for (const producer of this.#producers) producer.settle(drained(producer.lane, now));
  }

  #room(lane: Lane, now: number): number {
    const { config, waiting } = this.#scheduler;
    const promised = this.#promised.get(lane) ?? [];
    while (promised.length > 0 && promised[0]! <= now) promised.shift();
    const free = lane.config.exempt ? 1 : Math.max(0, this.#scheduler.ledger.roomFor(lane));
    const inLane = lane.config.queueMax - lane.waiting;
    return Math.min(inLane, config.queueMax - waiting) + free - promised.length;
  }

  #promise(lane: Lane, now: number): void {
    const promised = this.#promised.get(lane) ?? [];
    promised.push(now + PROMISE_MS);
    this.#promised.set(lane, promised);
  }
}

function drained(lane: Lane, now: number): unknown {
  const nobody = new Task(lane.fair.peekFlow(""), 0, now);
  return refusal(nobody, "LANEWAY_DRAINING", "draining", now);
}
