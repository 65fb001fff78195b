/**
 * Time as the scheduler sees it: a port, so that every policy can be tried in simulated time.
 *
 * `now` is monotonic milliseconds from any origin; `after` calls `fn` once, `ms` milliseconds later, and returns a
 * function that cancels the call. Nothing in `src/core` reads any other clock.
 *
 * @example
 * const resource = new Resource({ name: "ai", limit: 8, clock: new TestClock() });
 */
export interface Clock {
  now(): number;
  after(ms: number, fn: () => void): () => void;
}
