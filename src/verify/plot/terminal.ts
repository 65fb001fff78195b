/**
 * A plot in characters. The curves differ by shape as well as by colour: the first is a line of braille dots, two by
 * four to a character, the others are rows of one mark each.
 */

import { logAxis, showMs, timeTicks } from "./plot.ts";
import type { Curve, LogAxis, TimePlot } from "./plot.ts";

/** How to draw; `paint` colours curve number `curve`, or the axes and notes when it is undefined. */
export interface TerminalOptions {
  readonly columns: number;
  /** Rows of the drawing itself, without the axis below and the legend. */
  readonly rows: number;
  readonly paint?: (text: string, curve: number | undefined) => string;
}

interface Cell {
  readonly text: string;
  readonly curve: number | undefined;
}

/** How the legend shows a line, and the marks of the other curves. */
const LINE_SIGN = "⠒";
const MARKS = ["●", "◆", "▲"];
/** The bit of each of a braille character's dots, by row and column from the top left. */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
const BRAILLE = 0x2800;
const AXIS_COLUMNS = 9;

/** The plot's lines, none wider than `columns`: legend, drawing, axis. */
export function terminalPlot(plot: TimePlot, options: TerminalOptions): string[] {
  const axis = logAxis(plot);
  const columns = Math.max(20, options.columns - AXIS_COLUMNS);
  const cells = Array.from({ length: options.rows }, () => Array.from<Cell | undefined>({ length: columns }));
  const eventColumn = Math.round(((plot.event?.xMs ?? 0) / plot.xMaxMs) * (columns - 1));
  if (plot.level !== undefined) drawLevel(cells, axis, plot.level);
  if (plot.event !== undefined) drawEvent(cells, eventColumn);
  for (const [number, curve] of plot.curves.entries()) {
    if (number === 0) drawLine(cells, axis, plot.xMaxMs, curve, number);
    else drawMarks(cells, axis, plot.xMaxMs, curve, number);
  }
  if (plot.event !== undefined) writeBeside(cells, eventColumn, ` ${plot.event.label} `);
  const paint = options.paint ?? ((text: string) => text);
  return [
    `${" ".repeat(2)}${paint(plot.yLabel, undefined)}   ${legend(plot, options)}`,
    ...cells.map(
      (row, number) => `${paint(rowLabel(axis, number, cells.length), undefined)}${paintRow(row, paint)}`,
    ),
    ...axisLines(plot, columns).map((line) => paint(line, undefined)),
  ];
}

/** The sign of a curve: a line for the first, a mark for each of the others. */
function signOf(number: number): string {
  return number === 0 ? LINE_SIGN : (MARKS[(number - 1) % MARKS.length] ?? "●");
}

function legend(plot: TimePlot, options: TerminalOptions): string {
  const paint = options.paint ?? ((text: string) => text);
  return plot.curves
    .map((curve, number) => paint(`${signOf(number).repeat(3)} ${curve.label}`, number))
    .join("   ");
}

/** The row, from the top, that a value falls into. */
function rowOf(axis: LogAxis, value: number, rows: number): number {
  return Math.round((1 - axis.position(value)) * (rows - 1));
}

function rowLabel(axis: LogAxis, row: number, rows: number): string {
  const tick = axis.ticks.find((value) => rowOf(axis, value, rows) === row);
  const text = tick === undefined ? "" : tick === axis.min ? "<1 ms" : showMs(tick);
  return `${text.padStart(AXIS_COLUMNS - 2)} ${tick === undefined ? "│" : "┤"}`;
}

function drawLevel(
  cells: Cells,
  axis: LogAxis,
  level: { readonly yMs: number; readonly label: string },
): void {
  const row = cells[rowOf(axis, level.yMs, cells.length)]!;
  for (let column = 0; column < row.length; column++) row[column] = { text: "╌", curve: undefined };
  const label = ` ${level.label} `;
  for (const [at, text] of [...label].entries())
    row[row.length - label.length - 1 + at] = { text, curve: undefined };
}

function drawEvent(cells: Cells, column: number): void {
  for (const row of cells) row[column] = { text: "┊", curve: undefined };
}

/** Writes a label right of a column, in the highest row where it covers nothing; nowhere when there is none. */
function writeBeside(cells: Cells, column: number, label: string): void {
  const characters = [...label];
  const row = cells.find((cellsOfRow) =>
    characters.every(
      (_character, offset) =>
        column + 1 + offset < cellsOfRow.length && cellsOfRow[column + 1 + offset] === undefined,
    ),
  );
  if (row === undefined) return;
  for (const [offset, text] of characters.entries()) row[column + 1 + offset] = { text, curve: undefined };
}

type Cells = (Cell | undefined)[][];

/** Dots along the straight lines between neighbouring points. */
function drawLine(cells: Cells, axis: LogAxis, xMaxMs: number, curve: Curve, number: number): void {
  const width = (cells[0]?.length ?? 0) * 2;
  const height = cells.length * 4;
  const dots = new Map<number, number>();
  const plotDot = (x: number, y: number): void => {
    const column = Math.min(width - 1, Math.max(0, Math.round(x)));
    const row = Math.min(height - 1, Math.max(0, Math.round(y)));
    const cell = (row >> 2) * (width / 2) + (column >> 1);
    dots.set(cell, (dots.get(cell) ?? 0) | DOTS[row & 3]![column & 1]!);
  };
  let last: { x: number; y: number } | undefined;
  for (const point of curve.points) {
    // The same rows as the marks and the labels use, four dots each; a value on a row lies in its middle.
    const y = (1 - axis.position(point.yMs)) * (cells.length - 1) * 4 + 1.5;
    const here = { x: (point.xMs / xMaxMs) * (width - 1), y };
    const from = last ?? here;
    const steps = Math.max(1, Math.ceil(Math.max(Math.abs(here.x - from.x), Math.abs(here.y - from.y))));
    for (let step = 0; step <= steps; step++)
      plotDot(from.x + ((here.x - from.x) * step) / steps, from.y + ((here.y - from.y) * step) / steps);
    last = here;
  }
  for (const [cell, bits] of dots) {
    const row = cells[Math.floor(cell / (width / 2))]!;
    row[cell % (width / 2)] = { text: String.fromCharCode(BRAILLE + bits), curve: number };
  }
}

function drawMarks(cells: Cells, axis: LogAxis, xMaxMs: number, curve: Curve, number: number): void {
  const columns = cells[0]?.length ?? 0;
  for (const point of curve.points) {
    const column = Math.min(columns - 1, Math.max(0, Math.round((point.xMs / xMaxMs) * (columns - 1))));
    cells[rowOf(axis, point.yMs, cells.length)]![column] = { text: signOf(number), curve: number };
  }
}

/** Joins a row's cells, painting runs of the same curve together. */
function paintRow(
  row: readonly (Cell | undefined)[],
  paint: (text: string, curve: number | undefined) => string,
): string {
  let line = "";
  const length = row.findLastIndex((cell) => (cell?.text ?? " ") !== " ") + 1;
  for (let start = 0; start < length;) {
    let end = start + 1;
    const { curve } = row[start] ?? { curve: undefined };
    const blank = row[start] === undefined;
    while (end < length && (row[end] === undefined) === blank && row[end]?.curve === curve) end++;
    const text = row
      .slice(start, end)
      .map((cell) => cell?.text ?? " ")
      .join("");
    line += blank ? text : paint(text, curve);
    start = end;
  }
  return line;
}

function axisLines(plot: TimePlot, columns: number): string[] {
  const rule = Array.from({ length: columns }, () => "─");
  const labels = Array.from({ length: columns }, () => " ");
  const write = (text: string, at: number): void => {
    const start = Math.max(0, Math.min(columns - text.length, at - Math.floor(text.length / 2)));
    for (const [offset, character] of [...text].entries()) labels[start + offset] = character;
  };
  for (const instant of timeTicks(plot.xMaxMs, 6)) {
    const column = Math.round((instant / plot.xMaxMs) * (columns - 1));
    rule[column] = "┬";
    write(instant === 0 ? "0" : showMs(instant), column);
  }
  const left = " ".repeat(AXIS_COLUMNS - 1);
  return [
    `${left}└${rule.join("")}`,
    `${left} ${labels.join("").trimEnd()}`,
    `${left} ${plot.xLabel.slice(0, columns)}`,
  ];
}
