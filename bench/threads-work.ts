/** What the threads of the benchmark do. */

/** Instants of a task on the clock of all threads, in milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Keeps its thread busy for so many milliseconds by the clock. */
export default function busy(ms: number): Span {
  const from = performance.now();
  while (performance.now() - from < ms);
  const { timeOrigin } = performance;
  return { from: timeOrigin + from, to: timeOrigin + performance.now() };
}

/** Nothing. */
export function nothing(): void {}
