/** A lane's seconds as the columns of a plot: so many that each can be seen, the same for all lanes. */

import type { LaneResult, LaneSecond } from "./result.ts";

/** A column: one second, or several when the run was long. Counts are for one second. */
export interface Slice {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly perSecond: {
    readonly offered: number;
    readonly served: number;
    readonly refused: number;
    readonly failed: number;
  };
  /** Of the worst of its seconds; absent when none served a call. */
  readonly p99?: number;
  /** In one of its seconds calls were due and none of them was served. */
  readonly lost: boolean;
}

/** How many seconds a column has, so that there are no more than `most` of them. */
export function secondsPerSlice(durationMs: number, most: number): number {
  const seconds = Math.max(1, Math.ceil(durationMs / 1_000));
  return [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800].find((size) => seconds / size <= most) ?? 3_600;
}

/** A lane's columns from the start to the end of the run. Seconds that are missing, and those after the end, count nothing. */
export function slicesOf({ seconds }: LaneResult, durationMs: number, most: number): Slice[] {
  const size = secondsPerSlice(durationMs, most);
  const count = Math.max(1, Math.ceil(durationMs / 1_000 / size));
  const parts = Array.from({ length: count }, (): LaneSecond[] => []);
  for (const second of seconds) parts[Math.floor(second.fromMs / 1_000 / size)]?.push(second);
  return parts.map((part, index) => sliceOf(part, index * size * 1_000, size, durationMs));
}

function sliceOf(part: readonly LaneSecond[], fromMs: number, size: number, durationMs: number): Slice {
  const untilMs = Math.min(fromMs + size * 1_000, Math.max(durationMs, fromMs + 1));
  const seconds = Math.min(size, (untilMs - fromMs) / 1_000);
  const rate = (field: "offered" | "served" | "refused" | "failed"): number =>
    part.reduce((sum, second) => sum + second[field], 0) / seconds;
  const times = part.flatMap(({ p99 }) => (p99 !== undefined && Number.isFinite(p99) ? [p99] : []));
  return {
    fromMs,
    untilMs,
    perSecond: {
      offered: rate("offered"),
      served: rate("served"),
      refused: rate("refused"),
      failed: rate("failed"),
    },
    lost: part.some(({ offered, served }) => offered > 0 && served === 0),
    ...(times.length === 0 ? {} : { p99: Math.max(...times) }),
  };
}
