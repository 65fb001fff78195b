/**
 * How fast a lane's queue is served, as measured while it has one: the drain rate behind predictions and retry-after.
 * What a lane holds at one instant swings with the lanes above it; a rate over some eight runs does not.
 *
 * Exponentially decayed count of starts, corrected for how short the busy period has been: an average over `span`
 * milliseconds that begins with the queue.
 */

/** Shorter windows count noise; longer ones are slow to see a recovery. */
const SHORTEST_WINDOW_MS = 500;
const WINDOW_RUNS = 8;
/** Below this part of a window three terms of the series are exact to a millionth. */
const SMALL_PART = 0.01;

export class Pace {
  #rate = 0;
  #at = 0;
  #since = 0;

  /** The queue was empty and is not any more. */
  begin(now: number): void {
    this.#rate = 0;
    this.#at = now;
    this.#since = now;
  }

  /** A task has left the queue to start. */
  started(now: number, meanRunMs: number): void {
    const span = windowOf(meanRunMs);
    const part = (now - this.#at) / span;
    // Starts follow each other closely: the first terms of the series spare most of them the exponential.
    const kept = part < SMALL_PART ? 1 - part + (part * part) / 2 : Math.exp(-part);
    this.#rate = this.#rate * kept + 1 / span;
    this.#at = now;
  }

  /**
   * Tasks a millisecond; undefined while the busy period is too short to tell. That nobody has started for so long says
   * no more than that it is less than one in that time: who concludes that it is nothing refuses a whole lane for the one
   * long run that it stands behind.
   */
  perMs(now: number, meanRunMs: number): number | undefined {
    const span = windowOf(meanRunMs);
    const busy = now - this.#since;
    if (busy < span / 2) return undefined;
    const measured = (this.#rate * Math.exp((this.#at - now) / span)) / (1 - Math.exp(-busy / span));
    return Math.max(measured, 1 / Math.max(span, now - this.#at));
  }
}

function windowOf(meanRunMs: number): number {
  return Math.max(SHORTEST_WINDOW_MS, WINDOW_RUNS * meanRunMs);
}
