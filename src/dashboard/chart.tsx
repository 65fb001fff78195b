/** One chart of the last five minutes: a line for each lane. On a canvas, so a table says the same to who cannot see it. */

import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { numberOf } from "./history.ts";
import { shown } from "./live.ts";
import { colourClass, dashOf } from "./looks.tsx";
import { clock } from "./words.ts";
import type { LaneField, Tick } from "../admin/wire.ts";

/** What to draw. */
export interface ChartProps {
  readonly title: string;
  /** Its index in the state. */
  readonly resource: number;
  readonly lanes: readonly string[];
  readonly field: LaneField;
  /** A log scale from 1 up, for what spans decades; values below are drawn at 1. */
  readonly log?: boolean;
  /** Lines to hold the others against, in the colour of their lanes. */
  readonly goals?: readonly { readonly lane: string; readonly value: number }[];
  readonly show: (value: number) => string;
}

const HEIGHT = 190;
const LEAST_SECONDS = 60;
const MOST_SECONDS = 300;
const FONT = "11px system-ui, sans-serif";

/** The chart with its title, what the pointer is at, and its table. */
export function Chart(props: ChartProps): VNode {
  const { title } = props;
  const place = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLParagraphElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const { ticks } = shown.value;

  const drawn = useRef(ticks);

  // Before the first paint, so that it is complete.
  useLayoutEffect(() => {
    const host = place.current!;
    const made = new uPlot(optionsOf(latest, host, readout.current!), dataOf(ticks, props), host);
    plot.current = made;
    const resized = new ResizeObserver(() => {
      if (host.clientWidth !== made.width) made.setSize({ width: host.clientWidth, height: HEIGHT });
    });
    resized.observe(host);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const redraw = (): void => {
      colours.clear();
      made.redraw();
    };
    scheme.addEventListener("change", redraw);
    return () => {
      scheme.removeEventListener("change", redraw);
      resized.disconnect();
      made.destroy();
    };
  }, []);
  useEffect(() => {
    if (drawn.current === ticks) return undefined;
    drawn.current = ticks;
    // What comes in a burst, after a break say, is drawn once.
    const frame = requestAnimationFrame(() => plot.current?.setData(dataOf(ticks, latest.current)));
    return () => cancelAnimationFrame(frame);
  }, [ticks]);

  return (
    <figure class="chart">
      <figcaption>
        <h2>{title}</h2>
        <p class="quiet readout" ref={readout} aria-hidden="true" />
      </figcaption>
      <div ref={place} class="canvas" aria-hidden="true" />
      <ChartTable {...props} />
    </figure>
  );
}

/** The same for who cannot see it. */
function ChartTable({ title, lanes, field, resource, show }: ChartProps): VNode {
  const { ticks } = shown.value;
  return (
    <table class="for-readers">
      <caption>{title}, each minute</caption>
      <thead>
        <tr>
          <th scope="col">Time</th>
          {lanes.map((lane) => (
            <th key={lane} scope="col">
              {lane}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {eachMinute(ticks).map((tick) => (
          <tr key={tick.at}>
            <th scope="row">{clock(tick.at)}</th>
            {lanes.map((lane, i) => (
              <td key={lane}>{show(numberOf(tick.resources[resource]?.lanes[i], field))}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function eachMinute(ticks: readonly Tick[]): Tick[] {
  return ticks.filter((_tick, i) => (ticks.length - 1 - i) % 60 === 0);
}

function dataOf(ticks: readonly Tick[], { lanes, resource, field, log }: ChartProps): uPlot.AlignedData {
  const times = ticks.map(({ at }) => at / 1_000);
  const lines = lanes.map((_lane, i) =>
    ticks.map((tick) => {
      const value = numberOf(tick.resources[resource]?.lanes[i], field);
      return log === true ? Math.max(1, value) : value;
    }),
  );
  return [times, ...lines];
}

/** Each asked for once: an answer makes the browser compute its styles anew. */
const colours = new Map<string, string>();

/** Colours come from the style sheet, which knows dark from light; a canvas must be told. */
function colourOf(host: HTMLElement, name: string): string {
  const known = colours.get(name);
  if (known !== undefined) return known;
  const probe = host.appendChild(document.createElement("i"));
  probe.className = name;
  const { color } = getComputedStyle(probe);
  probe.remove();
  colours.set(name, color);
  return color;
}

function optionsOf(
  latest: { readonly current: ChartProps },
  host: HTMLElement,
  readout: HTMLElement,
): uPlot.Options {
  const { lanes, log, show } = latest.current;
  const quiet = (): string => colourOf(host, "quiet");
  const grid = { stroke: () => colourOf(host, "faint"), width: 1 };
  const axis = { stroke: quiet, grid, ticks: { show: false }, font: FONT };
  return {
    width: host.clientWidth,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: {
        range: (_plot, first, last) => [
          Math.min(Math.max(first, last - MOST_SECONDS), last - LEAST_SECONDS),
          last,
        ],
      },
      y:
        log === true
          ? { distr: 3, range: (_plot, _low, high) => [1, topOf(latest.current, high)] }
          : { range: (_plot, _low, high) => [0, Math.max(4, high * 1.1)] },
    },
    axes: [
      {
        ...axis,
        space: 90,
        size: 26,
        incrs: [10, 15, 30, 60],
        values: (_plot, times) => times.map((at) => clock(at * 1_000)),
      },
      {
        ...axis,
        size: 58,
        ...(log === true ? { splits: decades, filter: (_plot, splits) => splits } : {}),
        values: (_plot, values) =>
          values.map((value) => ((value as number | null) === null ? "" : show(value))),
      },
    ],
    series: [
      {},
      ...lanes.map((lane) => ({
        label: lane,
        stroke: () => colourOf(host, colourClass(lane)),
        width: 1.75,
        dash: dashOf(lane),
        points: { show: false },
      })),
    ],
    hooks: {
      drawAxes: [(plot) => drawGoals(plot, latest.current, host)],
      setCursor: [(plot) => (readout.textContent = readoutOf(plot, latest.current))],
    },
  };
}

/** Room for the goals as well: what is far from being missed should look so. */
function topOf({ goals = [] }: ChartProps, high: number): number {
  return 1.8 * Math.max(100, high, ...goals.map(({ value }) => value));
}

function decades(_plot: uPlot, _axis: number, _low: number, high: number): number[] {
  return Array.from({ length: Math.floor(Math.log10(high)) + 1 }, (_none, i) => 10 ** i);
}

/** A goal is a thin line with its lane's name on it, under the lines of the lanes. */
function drawGoals(plot: uPlot, { goals = [], show }: ChartProps, host: HTMLElement): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.font = `${10 * scale}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.lineWidth = scale;
  for (const { lane, value } of goals) {
    const y = Math.round(plot.valToPos(value, "y", true));
    ctx.strokeStyle = ctx.fillStyle = colourOf(host, colourClass(lane));
    ctx.globalAlpha = 0.55;
    ctx.setLineDash([scale, 3 * scale]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.globalAlpha = 0.9;
    ctx.fillText(`${lane} ≤ ${show(value)}`, bbox.left + 4 * scale, y - 3 * scale);
  }
  ctx.restore();
}

function readoutOf(plot: uPlot, { lanes, show }: ChartProps): string {
  const { idx } = plot.cursor;
  const at = idx === null || idx === undefined ? undefined : plot.data[0][idx];
  if (at === undefined) return "";
  const values = lanes.map((lane, i) => `${lane} ${show(plot.data[i + 1]?.[idx!] ?? 0)}`);
  return `${clock(at * 1_000)}  ${values.join(", ")}`;
}
