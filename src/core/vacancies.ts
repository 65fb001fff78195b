/**
 * Backpressure: producers that wait until their lane can take one more task, settled one per vacancy and in order. A
 * vacancy that was promised stays promised until a task of that lane is submitted, or for a second.
 */

import { invalid } from "./errors.ts";
import type { Lane } from "./lane.ts";
import type { TaskOptions } from "./options.ts";
import { refusal } from "./refusal.ts";
import type { Scheduler } from "./scheduler.ts";
import { Task } from "./task.ts";

/** A producer that was told to go on and does not submit must not hold the vacancy for ever. */
const PROMISE_MS = 1_000;
const MOST_PRODUCERS = 1_000_000;

type Producer = (error?: unknown) => void;

/** What one lane owes its producers. */
interface Owed {
  /** In order of asking. */
  readonly producers: Set<Producer>;
  /** When each promise that was not used yet runs out, oldest first. */
  promised: number[];
}

export class Vacancies {
  readonly #scheduler: Scheduler;
  readonly #lanes = new Map<Lane, Owed>();
  producers = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  ready(lane: Lane, options: TaskOptions): Promise<void> {
    const { clock, draining, config } = this.#scheduler;
    const now = clock.now();
    if (draining) return Promise.reject(drained(lane, now));
    if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
    if (!config.enforce) return Promise.resolve();
    const owed = this.#owed(lane);
    if (owed.producers.size === 0 && this.#room(lane, owed, now) > 0) {
      owed.promised.push(now + PROMISE_MS);
      return Promise.resolve();
    }
    if (this.producers >= MOST_PRODUCERS)
      throw invalid("ready", `at most ${MOST_PRODUCERS} producers that wait`, this.producers + 1);
    return this.#wait(owed, options.signal, now);
  }

  /** A task of this lane was submitted: the oldest promise is used. */
  used(lane: Lane): void {
    if (this.#lanes.size > 0) this.#lanes.get(lane)?.promised.shift();
  }

  /** Something left a queue or a seat: tells as many producers as there is room for, each lane's in order. */
  left(now: number): void {
    let next = Infinity;
    for (const [lane, owed] of this.#lanes) {
      for (const tell of owed.producers) {
        if (this.#room(lane, owed, now) <= 0) break;
        owed.promised.push(now + PROMISE_MS);
        tell();
      }
      // Promises that nobody uses run out by themselves, so those who still wait must be looked at again then.
      if (owed.producers.size > 0) next = Math.min(next, owed.promised[0] ?? Infinity);
      else if (owed.promised.length === 0) this.#lanes.delete(lane);
    }
    if (next !== Infinity) this.#scheduler.wake.by(next, now);
  }

  /** A lane is gone: its producers wait for its heir. */
  move(lane: Lane, heir: Lane): void {
    const owed = this.#lanes.get(lane);
    this.#lanes.delete(lane);
    for (const tell of owed?.producers ?? []) this.#owed(heir).producers.add(tell);
  }

  /** Nothing new is taken: every producer is told. */
  drain(now: number): void {
    for (const [lane, { producers }] of this.#lanes) for (const tell of producers) tell(drained(lane, now));
  }

  #wait(owed: Owed, signal: AbortSignal | undefined, now: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const tell: Producer = (error) => {
        for (const { producers } of this.#lanes.values()) if (producers.delete(tell)) this.producers--;
        signal?.removeEventListener("abort", onAbort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const onAbort = (): void => tell(signal!.reason);
      owed.producers.add(tell);
      this.producers++;
      signal?.addEventListener("abort", onAbort, { once: true });
      if (owed.promised.length > 0) this.#scheduler.wake.by(owed.promised[0]!, now);
    });
  }

  #owed(lane: Lane): Owed {
    const owed = this.#lanes.get(lane) ?? { producers: new Set(), promised: [] };
    this.#lanes.set(lane, owed);
    return owed;
  }

  #room(lane: Lane, { promised }: Owed, now: number): number {
    const { config, ledger, waiting } = this.#scheduler;
    while (promised.length > 0 && promised[0]! <= now) promised.shift();
    const free = lane.config.exempt ? 1 : Math.max(0, ledger.roomFor(lane));
    const inLane = lane.config.queueMax - lane.waiting;
    return Math.min(inLane, config.queueMax - waiting) + free - promised.length;
  }
}

function drained(lane: Lane, now: number): unknown {
  const nobody = new Task(lane.fair.peekFlow(""), 0, now);
  return refusal(nobody, "LANEWAY_DRAINING", "draining", now);
}
