/** Whether something grows: a straight line through its readings by least squares, and how sure that line is. */

/** A line through readings; slopes are per unit of `x`. */
export interface Slope {
  readonly readings: number;
  readonly mean: number;
  /** From the first `x` to the last. */
  readonly span: number;
  readonly perUnit: number;
  /** Bounds between which the slope lies in 95 of 100 cases. */
  readonly low: number;
  readonly high: number;
}

/** One reading: `y` after `x` units of work. */
export interface Reading {
  readonly x: number;
  readonly y: number;
}

/** The two-sided 95 % quantile of Student's t; an expansion that is exact to 1 % from four degrees of freedom up. */
function quantile(degrees: number): number {
  return 1.96 + 2.37 / degrees + 2.82 / degrees ** 2 + 3.6 / degrees ** 3;
}

/** The line through the readings; undefined for fewer than six, which say nothing. */
export function slopeOf(readings: readonly Reading[]): Slope | undefined {
  const count = readings.length;
  if (count < 6) return undefined;
  const meanX = readings.reduce((sum, { x }) => sum + x, 0) / count;
  const mean = readings.reduce((sum, { y }) => sum + y, 0) / count;
  let xx = 0;
  let xy = 0;
  for (const { x, y } of readings) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - mean);
  }
  if (xx === 0) return undefined;
  const perUnit = xy / xx;
  const rest = readings.reduce((sum, { x, y }) => sum + (y - mean - perUnit * (x - meanX)) ** 2, 0);
  const error = Math.sqrt(rest / (count - 2) / xx) * quantile(count - 2);
  const span = readings.at(-1)!.x - readings[0]!.x;
  return { readings: count, mean, span, perUnit, low: perUnit - error, high: perUnit + error };
}

/** The first part of the readings is not looked at: code is compiled and caches fill while they are taken. */
const WARM_UP = 1 / 3;
/** What the heap of an unchanged program moves by between two full collections. */
const NOISE_BYTES = 256 * 1_024;
const NOISE_PART = 0.01;

/** The slope of the heap once it is warm, and whether it is growth: surely above zero, and more in all than noise. */
export function judgeHeap(readings: readonly Reading[]): { slope: Slope | undefined; isGrowth: boolean } {
  const slope = slopeOf(readings.slice(Math.floor(readings.length * WARM_UP)));
  if (slope === undefined) return { slope, isGrowth: false };
  const surely = slope.low * slope.span;
  return { slope, isGrowth: surely > NOISE_BYTES + NOISE_PART * slope.mean };
}
