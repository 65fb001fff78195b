/**
 * A plot as a small SVG that stands alone: no script, no font of its own, readable on a light and on a dark page. The
 * curves differ by shape as well as by colour: the first is a line, the second dots, the third a dashed line.
 */

import { escaped, rounded } from "./markup.ts";
import { logAxis, showMs, timeTicks } from "./plot.ts";
import type { Curve, LogAxis, TimePlot } from "./plot.ts";

const WIDTH = 820;
const HEIGHT = 420;
const FRAME = { left: 92, right: 20, top: 78, bottom: 52 } as const;
const PLOT_WIDTH = WIDTH - FRAME.left - FRAME.right;
const PLOT_HEIGHT = HEIGHT - FRAME.top - FRAME.bottom;

/**
 * Okabe and Ito's colours, which people with colour-blindness can tell apart; lighter ones on a dark page. Plain values
 * instead of CSS variables: converters that know no variables then draw the light form.
 */
const LIGHT = {
  page: "#ffffff",
  ink: "#1f2328",
  soft: "#59636e",
  rule: "#d8dee4",
  curves: ["#c04e00", "#0067a6", "#00785a"],
};
const DARK = {
  page: "#0d1117",
  ink: "#e6edf3",
  soft: "#9aa4ae",
  rule: "#2f363d",
  curves: ["#f0a35c", "#64b5f0", "#4fc9a4"],
};

function colours(theme: typeof LIGHT): string {
  const curves = theme.curves.map(
    (colour, number) => `.c${number} { stroke: ${colour}; } .f${number} { fill: ${colour}; }`,
  );
  return `.page { fill: ${theme.page}; } text { fill: ${theme.soft}; } .title { fill: ${theme.ink}; } .grid { stroke: ${theme.rule}; } .axis { stroke: ${theme.soft}; } ${curves.join(" ")}`;
}

const STYLE = `
    text { font: 13px system-ui, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
    .title { font-size: 17px; font-weight: 600; } .name { font-weight: 600; } .dashed { stroke-dasharray: 5 4; }
    .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
    ${colours(LIGHT)}
    @media (prefers-color-scheme: dark) { ${colours(DARK)} }`;

/** The plot as the text of an SVG file. */
export function svgPlot(plot: TimePlot): string {
  const axis = logAxis(plot);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escaped(plot.title)}</title>`,
    `<desc id="desc">${escaped(describe(plot))}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}" rx="6"/>`,
    `<text class="title" x="${FRAME.left}" y="28">${escaped(plot.title)}</text>`,
    legend(plot),
    grid(plot, axis),
    plot.level === undefined ? "" : level(axis, plot.level),
    plot.event === undefined ? "" : event(plot, axis, plot.event),
    ...plot.curves.map((curve, number) => drawCurve(plot, axis, curve, number)),
    "</svg>",
  ];
  return `${parts.filter((part) => part !== "").join("\n")}\n`;
}

function describe(plot: TimePlot): string {
  return `${plot.yLabel} over ${plot.xLabel}, logarithmic. ${plot.curves.map((curve) => curve.label).join("; ")}.`;
}

function x(plot: TimePlot, ms: number): number {
  return rounded(FRAME.left + (Math.min(ms, plot.xMaxMs) / plot.xMaxMs) * PLOT_WIDTH, 1);
}

function y(axis: LogAxis, ms: number): number {
  return rounded(FRAME.top + (1 - axis.position(ms)) * PLOT_HEIGHT, 1);
}

/** Each curve's sign and name, side by side above the drawing. */
function legend(plot: TimePlot): string {
  let left: number = FRAME.left;
  return plot.curves
    .map((curve, number) => {
      const at = left;
      left += 60 + curve.label.length * 7.6;
      const sign =
        number === 1
          ? [4, 16, 28]
              .map((dx) => `<circle class="f1" cx="${rounded(at + dx, 1)}" cy="49" r="3.5"/>`)
              .join("")
          : `<path class="line c${number}${number > 1 ? " dashed" : ""}" d="M${at} 49h32"/>`;
      return `${sign}<text class="name f${number}" x="${rounded(at + 40, 1)}" y="54">${escaped(curve.label)}</text>`;
    })
    .join("\n");
}

function grid(plot: TimePlot, axis: LogAxis): string {
  const right = WIDTH - FRAME.right;
  const bottom = HEIGHT - FRAME.bottom;
  const rows = axis.ticks.map((tick) => {
    const at = y(axis, tick);
    const label = tick === axis.min ? `≤ ${showMs(tick)}` : showMs(tick);
    return `<path class="grid" d="M${FRAME.left} ${at}H${right}"/><text x="${FRAME.left - 8}" y="${at + 4}" text-anchor="end">${label}</text>`;
  });
  const columns = timeTicks(plot.xMaxMs, 6).map((tick) => {
    const at = x(plot, tick);
    const label = tick === 0 ? "0" : showMs(tick);
    return `<path class="axis" d="M${at} ${bottom}v5"/><text x="${at}" y="${bottom + 20}" text-anchor="middle">${label}</text>`;
  });
  const middle = FRAME.top + PLOT_HEIGHT / 2;
  return [
    ...rows,
    `<path class="axis" d="M${FRAME.left} ${bottom}H${right}"/>`,
    ...columns,
    `<text x="${FRAME.left + PLOT_WIDTH / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escaped(plot.xLabel)}</text>`,
    `<text x="20" y="${middle}" text-anchor="middle" transform="rotate(-90 20 ${middle})">${escaped(plot.yLabel)}</text>`,
  ].join("\n");
}

function level(axis: LogAxis, rule: { readonly yMs: number; readonly label: string }): string {
  const at = y(axis, rule.yMs);
  const right = WIDTH - FRAME.right;
  return `<path class="axis dashed" d="M${FRAME.left} ${at}H${right}"/><text x="${right - 4}" y="${at - 6}" text-anchor="end">${escaped(rule.label)}</text>`;
}

/** A letter of 13 pixels is about so wide, and a line of them so high. */
const LETTER = { width: 8, height: 28 } as const;

function event(
  plot: TimePlot,
  axis: LogAxis,
  mark: { readonly xMs: number; readonly label: string },
): string {
  const at = x(plot, mark.xMs);
  const row = freeRow(plot, axis, at, at + LETTER.width * mark.label.length);
  return `<path class="axis dashed" d="M${at} ${FRAME.top}V${HEIGHT - FRAME.bottom}"/><text x="${at + 6}" y="${row}">${escaped(mark.label)}</text>`;
}

/** The highest row in which a label from one x to another lies on no curve; the first when there is none. */
function freeRow(plot: TimePlot, axis: LogAxis, from: number, to: number): number {
  const first = FRAME.top + 12;
  const near = plot.curves
    .flatMap(({ points }) => points)
    .filter(({ xMs }) => x(plot, xMs) >= from && x(plot, xMs) <= to)
    .map(({ yMs }) => y(axis, yMs));
  for (let row = first; row < HEIGHT - FRAME.bottom; row += LETTER.height)
    if (near.every((height) => Math.abs(height - (row - 4)) > 16)) return row;
  return first;
}

function drawCurve(plot: TimePlot, axis: LogAxis, curve: Curve, number: number): string {
  const points = curve.points.map((point) => ({ x: x(plot, point.xMs), y: y(axis, point.yMs) }));
  if (number === 1)
    return `<g class="f1">${points.map((point) => `<circle cx="${point.x}" cy="${point.y}" r="2.6"/>`).join("")}</g>`;
  return `<polyline class="line c${number}${number > 1 ? " dashed" : ""}" points="${points.map((point) => `${point.x},${point.y}`).join(" ")}"/>`;
}
