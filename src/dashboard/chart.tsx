/** One chart of the last five minutes: a line for each lane. On a canvas, so a table says the same to who cannot see it. */

import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { numberOf } from "./history.ts";
import { shown } from "./live.ts";
import { colourClass, dashOf } from "./looks.tsx";
import { ABOVE, BELOW, decades, HEIGHT, LEFT, rangeOf, RIGHT, spanOf } from "./scale.ts";
import type { Scaled } from "./scale.ts";
import { ago, Sketch } from "./sketch.tsx";
import { clock } from "./words.ts";
import type { LaneField, Tick } from "../admin/wire.ts";

/** What to draw. */
export interface ChartProps extends Scaled {
  readonly title: string;
  /** Its index in the state. */
  readonly resource: number;
  readonly lanes: readonly string[];
  readonly field: LaneField;
  readonly show: (value: number) => string;
}

const FONT = "11px system-ui, sans-serif";

/** The chart with its title, what the pointer is at, and its table. */
export function Chart(props: ChartProps): VNode {
  const place = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLParagraphElement>(null);
  // Where the page is served there is no canvas: its place holds a sketch, which the client takes away as it draws.
  if (!import.meta.env.SSR) usePlot(props, place, readout);
  return (
    <figure class="chart">
      <figcaption>
        <h2>{props.title}</h2>
        <p class="quiet readout" ref={readout} aria-hidden="true" />
      </figcaption>
      <div ref={place} class="canvas" aria-hidden="true">
        {import.meta.env.SSR ? <Sketch {...props} /> : null}
      </div>
      <ChartTable {...props} />
    </figure>
  );
}

function usePlot(
  props: ChartProps,
  place: { readonly current: HTMLElement | null },
  readout: { readonly current: HTMLElement | null },
): void {
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const { ticks } = shown.value;
  const drawn = useRef(ticks);

  // Before the next paint, so that it is complete.
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
            <th scope="row">{when(tick, ticks)}</th>
            {lanes.map((lane, i) => (
              <td key={lane}>{show(numberOf(tick.resources[resource]?.lanes[i], field))}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The server does not know the reader's time zone. */
function when({ at }: Tick, ticks: readonly Tick[]): string {
  return import.meta.env.SSR ? ago(ticks.at(-1)!.at - at) : clock(at);
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
    padding: [ABOVE, RIGHT, 0, 0],
    legend: { show: false },
    cursor: { points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: {
        range: (_plot, first, last) => spanOf(first, last),
      },
      y: {
        distr: log === true ? 3 : 1,
        range: (_plot, _low, high) => rangeOf(latest.current, high),
      },
    },
    axes: [
      {
        ...axis,
        space: 90,
        size: BELOW,
        incrs: [10, 15, 30, 60, 120, 300],
        values: (_plot, times) => times.map((at) => clock(at * 1_000)),
      },
      {
        ...axis,
        size: LEFT,
        ...(log === true
          ? { splits: (_plot, _axis, _low, high) => decades(high), filter: (_plot, splits) => splits }
          : {}),
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
