/**
 * How long calls took, from the shortest to the longest. The share of calls is drawn so that each step up leaves out a
 * tenth of what the last one left out: the rare slow calls are what a lane is judged by.
 */

import { laneLook } from "../plot/looks.ts";
import type { Markup } from "../plot/markup.ts";
import { logAxisTo, showMs } from "../plot/plot.ts";
import type { LogAxis } from "../plot/plot.ts";
import { drawPanel } from "../plot/panel.ts";
import type { Tick } from "../plot/panel.ts";
import { curveOf } from "./figure.ts";
import { countText, timeText } from "./words.ts";
import type { LaneResult } from "./result.ts";

/** The highest share with a place of its own; what is above lies on the upper edge. */
const HIGHEST = 0.999;
const SHARES = [0, 0.5, 0.9, 0.99, 0.999] as const;

/** An axis on which the longest call of all these lanes has a place. */
export function axisOfAll(lanes: readonly LaneResult[]): LogAxis {
  const longest = lanes.map(({ latencyMs }) => (Number.isFinite(latencyMs.max) ? latencyMs.max : 0));
  return logAxisTo(Math.max(0, ...longest));
}

/** The plot of one run: a curve for each lane that was served. */
export function distribution(run: string, lanes: readonly LaneResult[], axis: LogAxis): Markup {
  const curves = lanes.map((lane, rank) => {
    const points = lane.distribution.filter(({ share, ms }) => Number.isFinite(share) && Number.isFinite(ms));
    return curveOf(
      laneLook(rank),
      points.map(({ share, ms }) => ({ x: axis.position(ms), y: height(share) })),
    );
  });
  return drawPanel({
    label: `${run}: part of the calls answered within a time. ${lanes
      .map(
        (lane) =>
          `${lane.lane}: half within ${timeText(lane.latencyMs, "p50")}, 99 % within ${timeText(lane.latencyMs, "p99")}`,
      )
      .join("; ")}.`,
    height: 260,
    xTicks: axis.ticks.map((ms): Tick => ({
      at: axis.position(ms),
      label: ms === axis.min ? "≤ 1 ms" : showMs(ms),
    })),
    yTicks: SHARES.map((share): Tick => ({ at: height(share), label: `${share * 100} %` })),
    curves,
  });
}

/** Where a share lies on the vertical axis. */
function height(share: number): number {
  const left = 1 - Math.min(HIGHEST, Math.max(0, share));
  return Math.log10(left) / Math.log10(1 - HIGHEST);
}

/** The heads of its table. */
export const SPREAD_COLUMNS: readonly string[] = ["Lane", "Served", "p50", "p90", "p99", "Longest", "Mean"];

/** The rows of its table. */
export function spreadRows(lanes: readonly LaneResult[], name: (lane: LaneResult) => string): string[][] {
  return lanes.map((lane) => [
    name(lane),
    countText(lane.latencyMs.count),
    ...(["p50", "p90", "p99", "max", "mean"] as const).map((field) => timeText(lane.latencyMs, field)),
  ]);
}
