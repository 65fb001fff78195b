/** Simulated time for a replay: a heap of instants, moved from one to the next without a turn of the event loop. */

import type { Clock } from "../../core/clock.ts";

/** Something to do at an instant; instants in a heap, what belongs to them beside it. */
export class Agenda<Entry> {
  readonly #instants: number[] = [];
  readonly #entries: Entry[] = [];

  /** The earliest instant; Infinity when there is none. */
  get nextAt(): number {
    return this.#instants.length === 0 ? Infinity : this.#instants[0]!;
  }

  get size(): number {
    return this.#instants.length;
  }

  add(at: number, entry: Entry): void {
    const instants = this.#instants;
    const entries = this.#entries;
    let place = instants.push(at) - 1;
    entries.push(entry);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (instants[parent]! <= at) break;
      instants[place] = instants[parent]!;
      entries[place] = entries[parent]!;
      place = parent;
    }
    instants[place] = at;
    entries[place] = entry;
  }

  /** Takes out the entry of the earliest instant. There must be one. */
  take(): Entry {
    const instants = this.#instants;
    const entries = this.#entries;
    const first = entries[0]!;
    const at = instants.pop()!;
    const entry = entries.pop()!;
    const size = instants.length;
    if (size === 0) return first;
    let place = 0;
    for (let child = 1; child < size; child = 2 * place + 1) {
      if (child + 1 < size && instants[child + 1]! < instants[child]!) child++;
      if (instants[child]! >= at) break;
      instants[place] = instants[child]!;
      entries[place] = entries[child]!;
      place = child;
    }
    instants[place] = at;
    entries[place] = entry;
    return first;
  }
}

/** A clock that whoever replays sets by hand. `TestClock` turns the event loop at each instant, which is 20 times slower. */
export class ReplayClock implements Clock {
  /** Simulated milliseconds. */
  time = 0;
  readonly #calls = new Agenda<{ fn: (() => void) | undefined }>();

  now(): number {
    return this.time;
  }

  after(ms: number, fn: () => void): () => void {
    const call: { fn: (() => void) | undefined } = { fn };
    this.#calls.add(this.time + ms, call);
    return () => (call.fn = undefined);
  }

  /** The earliest instant at which somebody wants to be called; Infinity when nobody does. */
  get nextAt(): number {
    return this.#calls.nextAt;
  }

  /** Makes the earliest call, at its instant. */
  call(): void {
    this.time = this.#calls.nextAt;
    this.#calls.take().fn?.();
  }
}
