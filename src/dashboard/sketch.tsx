/**
 * What the server draws in the place of a chart: the same lines on the same scales, as SVG. The width of the page is not
 * known there, so the lines are stretched and the text is not. None of it is in the script of the page.
 */

import type { VNode } from "preact";
import type { ChartProps } from "./chart.tsx";
import { numberOf } from "./history.ts";
import { shown } from "./live.ts";
import { colourClass, dashOf } from "./looks.tsx";
import { ABOVE, BELOW, decades, HEIGHT, LEFT, rangeOf, RIGHT, spanOf } from "./scale.ts";
import { duration } from "./words.ts";

/** Steps across and down, half a pixel each in a chart of usual width: what is finer is not seen. */
const WIDE = 1_200;
const TALL = (HEIGHT - ABOVE - BELOW) * 2;
/** Pixels between two lines of a scale, at least. */
const APART = 30;
const GAP = 5;

/** "4 min ago"; the reader's time zone is not known. */
export function ago(ms: number): string {
  return ms <= 0 ? "now" : `${duration(ms)} ago`;
}

/** The lines of each lane over the last minutes, what they are held against, and what is how high. */
export function Sketch({ lanes, resource, field, show, ...scaled }: ChartProps): VNode {
  const { ticks } = shown.value;
  const [from, to] = spanOf((ticks[0]?.at ?? 0) / 1_000, (ticks.at(-1)?.at ?? 0) / 1_000);
  const inside = ticks.filter(({ at }) => at / 1_000 >= from);
  const { log, goals = [] } = scaled;
  const values = lanes.map((_lane, i) =>
    inside.map((tick) => Math.max(log === true ? 1 : 0, numberOf(tick.resources[resource]?.lanes[i], field))),
  );
  const [low, high] = rangeOf(scaled, Math.max(0, ...values.flat()));
  const scale = log === true ? Math.log10 : Number;
  const heightOf = (value: number): number => 1 - (scale(value) - scale(low)) / (scale(high) - scale(low));
  const rowOf = (value: number): number => Math.round(heightOf(value) * TALL);
  const yOf = (value: number): number => ABOVE + Math.round(rowOf(value) / 2);
  // A line of one pixel is sharp when it lies on half of one.
  const across = (value: number): string => `M0 ${(yOf(value) - ABOVE) * 2 + 1}H${WIDE}`;
  const splits = log === true ? decades(high) : evenly(high);
  const columns = inside.map(({ at }) => Math.round(((at / 1_000 - from) / (to - from)) * WIDE));
  return (
    <>
      <svg class="lines" height={TALL / 2} viewBox={`0 0 ${WIDE} ${TALL}`} preserveAspectRatio="none">
        <path class="faint" d={splits.map(across).join("")} />
        {goals.map(({ lane, value }) => (
          <path key={lane} class={`goal ${colourClass(lane)}`} d={across(value)} />
        ))}
        {lanes.map((lane, i) => (
          <path
            key={lane}
            class={colourClass(lane)}
            d={lineOf(columns, values[i]!.map(rowOf))}
            stroke-width="1.75"
            stroke-dasharray={dashOf(lane).join(" ")}
          />
        ))}
      </svg>
      <svg class="labels" width="100%" height={HEIGHT}>
        {splits.map((value) => (
          <text key={value} x={LEFT - GAP} y={yOf(value)} dy=".35em" text-anchor="end">
            {show(value)}
          </text>
        ))}
        <text x={LEFT} y={HEIGHT - BELOW} dy={GAP + 10}>
          {ago((to - from) * 1_000)}
        </text>
        <text x="100%" dx={-RIGHT} y={HEIGHT - BELOW} dy={GAP + 10} text-anchor="end">
          now
        </text>
        {goals.map(({ lane, value }) => (
          <text key={lane} class={`goal ${colourClass(lane)}`} x={LEFT + 4} y={yOf(value) - 3}>
            {lane} ≤ {show(value)}
          </text>
        ))}
      </svg>
    </>
  );
}

/** Where a scale that is not of logs has its lines: as near to each other as may be, at numbers that are easy to read. */
function evenly(high: number): number[] {
  const least = (APART / (HEIGHT - ABOVE - BELOW)) * high;
  const decade = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 2.5, 5, 10].map((part) => part * decade).find((one) => one >= least)!;
  return Array.from({ length: Math.floor(high / step) + 1 }, (_none, i) => i * step);
}

/** A line through points as the data of a path, from each to the next. What lies on a level line is left out. */
function lineOf(columns: readonly number[], rows: readonly number[]): string {
  let line = "";
  let [x, y] = [columns[0] ?? 0, rows[0] ?? 0];
  for (const [i, row] of rows.entries()) {
    const isLevel = row === y && row === rows[i + 1];
    if (i === 0 || isLevel) continue;
    const down = row - y;
    line += `${columns[i]! - x}${down < 0 ? "" : " "}${down} `;
    [x, y] = [columns[i]!, row];
  }
  return `M${columns[0] ?? 0} ${rows[0] ?? 0}l${line.trimEnd()}`;
}
