import { createHistogram } from "node:perf_hooks";
import type { RecordableHistogram } from "node:perf_hooks";

const MICROSECONDS = 1_000;
const HIGHEST_US = 3_600_000_000;

/** The median, tails and extremes of some times, in milliseconds; all 0 when nothing was recorded. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  readonly mean: number;
}

/** Times in milliseconds, kept in microseconds to three figures; recording one costs about 20 ns. */
export class TimeHistogram {
  readonly #microseconds: RecordableHistogram = createHistogram({
    lowest: 1,
    highest: HIGHEST_US,
    figures: 3,
  });

  record(ms: number): void {
    this.#microseconds.record(Math.min(HIGHEST_US, Math.max(1, Math.round(ms * MICROSECONDS))));
  }

  get count(): number {
    return this.#microseconds.count;
  }

  /** The smallest recorded time that at least this share (0 to 1) of the times do not exceed, to three figures. */
  quantile(share: number): number {
    return this.count === 0 ? 0 : this.#microseconds.percentile(share * 100) / MICROSECONDS;
  }

  spread(): Spread {
    const histogram = this.#microseconds;
    const empty = histogram.count === 0;
    return {
      count: histogram.count,
      p50: this.quantile(0.5),
      p90: this.quantile(0.9),
      p99: this.quantile(0.99),
      max: empty ? 0 : histogram.max / MICROSECONDS,
      mean: empty ? 0 : histogram.mean / MICROSECONDS,
    };
  }
}
