/** What a plot of times shows, whatever draws it: two or more curves of milliseconds over milliseconds, y logarithmic. */

/** One curve. */
export interface Curve {
  readonly label: string;
  readonly points: readonly { readonly xMs: number; readonly yMs: number }[];
}

/** A plot of waits over time. */
export interface TimePlot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xMaxMs: number;
  readonly curves: readonly Curve[];
  /** A level to compare with: an objective. */
  readonly level?: { readonly yMs: number; readonly label: string };
  /** An instant at which something happened. */
  readonly event?: { readonly xMs: number; readonly label: string };
}

/** The logarithmic axis under a plot: its ends and its whole powers of ten. Waits below a millisecond lie on its floor. */
export interface LogAxis {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
  /** Where a value lies, from 0 at the bottom to 1 at the top. */
  readonly position: (value: number) => number;
}

const FLOOR_MS = 1;

/** An axis from one millisecond to the power of ten, or three times it, that holds the largest value. */
export function logAxis(plot: TimePlot): LogAxis {
  const values = plot.curves.flatMap((curve) => curve.points.map((point) => point.yMs));
  return logAxisTo(Math.max((plot.level?.yMs ?? 0) * 2, ...values));
}

/** The same for a largest value that is known. */
export function logAxisTo(largestMs: number): LogAxis {
  const largest = Math.max(FLOOR_MS * 10, largestMs);
  const decade = 10 ** Math.floor(Math.log10(largest));
  const max = largest <= decade ? decade : largest <= decade * 3 ? decade * 3 : decade * 10;
  const ticks: number[] = [];
  for (let tick = FLOOR_MS; tick <= max; tick *= 10) ticks.push(tick);
  const span = Math.log10(max / FLOOR_MS);
  const position = (value: number): number =>
    Math.min(1, Math.max(0, Math.log10(Math.max(value, FLOOR_MS) / FLOOR_MS) / span));
  return { min: FLOOR_MS, max, ticks, position };
}

/** About `count` round instants from 0 to the end, in milliseconds. */
export function timeTicks(maxMs: number, count: number): number[] {
  const rough = Math.max(1, maxMs / count);
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * decade).find((size) => size >= rough) ?? rough;
  const ticks: number[] = [];
  for (let tick = 0; tick <= maxMs + 1e-6; tick += step) ticks.push(tick);
  return ticks;
}

/** A duration as people write it: `<1 ms`, `12 ms`, `1.4 s`, `15 s`. */
export function showMs(ms: number): string {
  if (ms < 1) return "<1 ms";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  return seconds < 9.95 ? `${trim(seconds.toFixed(1))} s` : `${Math.round(seconds)} s`;
}

function trim(text: string): string {
  return text.replace(/\.0$/, "");
}
