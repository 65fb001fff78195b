/** What a page of metrics is made of, before anybody has chosen a format. */

import { TOTAL_BOUNDS_MS } from "../core/histogram.ts";
import type { DurationTotals } from "../core/histogram.ts";

/** Label values come from the policy or from closed lists; never from a request. */
export type Labels = Readonly<Record<string, string>>;

/** One number of a counter or a gauge. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** The last task of a bucket that came with a trace. */
export interface Exemplar {
  readonly traceId: string;
  readonly seconds: number;
  /** When it ended: seconds since 1970. */
  readonly at: number;
}

/** One histogram of durations. */
export interface Series {
  readonly labels: Labels;
  readonly totals: DurationTotals;
  /** By bucket, as far as there are any. */
  readonly exemplars?: readonly (Exemplar | undefined)[] | undefined;
}

/** Counters or gauges of one name. A counter's name ends in `_total`. */
export interface NumberFamily {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Histograms of one name, in seconds. */
export interface HistogramFamily {
  readonly name: string;
  readonly type: "histogram";
  readonly help: string;
  readonly series: readonly Series[];
}

/** All numbers of one name. */
export type Family = NumberFamily | HistogramFamily;

/** The upper bounds of all histograms, as their `le` labels say them. */
export const BOUNDS: readonly string[] = [...TOTAL_BOUNDS_MS.map((ms) => `${ms / 1_000}`), "+Inf"];

/** A family of counters. */
export function counter(name: string, help: string, samples: readonly Sample[]): NumberFamily {
  return { name, type: "counter", help, samples };
}

/** A family of gauges. */
export function gauge(name: string, help: string, samples: readonly Sample[]): NumberFamily {
  return { name, type: "gauge", help, samples };
}

/** A family of histograms. */
export function histogram(name: string, help: string, series: readonly Series[]): HistogramFamily {
  return { name, type: "histogram", help, series };
}
