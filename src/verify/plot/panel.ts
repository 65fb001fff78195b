/**
 * The frame of a plot inside a page: axes, phases, levels, and what is drawn between them. Places are parts of the whole,
 * from 0 to 1, so a plot is as wide as its column on any screen while its letters keep their size.
 */

import { markup, rounded } from "./markup.ts";
import type { Markup } from "./markup.ts";
import type { Look } from "./looks.ts";

/** A place on an axis, and what stands beside it. */
export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** A stretch of the horizontal axis. */
export interface Stretch {
  readonly from: number;
  readonly until: number;
  readonly label: string;
}

/** A line across the plot, or a part of it, to hold the others against. */
export interface Level {
  readonly at: number;
  readonly from?: number;
  readonly until?: number;
  readonly label: string;
  readonly look: Look;
}

/** One curve, in pieces: nothing is drawn where there is no value. `y` is 0 at the bottom. */
export interface PanelCurve {
  readonly look: Look;
  readonly pieces: readonly (readonly Place[])[];
  /** Where there should be a value and none came, along the horizontal axis: crossed above the plot. */
  readonly lost?: readonly number[];
}

/** A place in the plot. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** What a panel shows. */
export interface Panel {
  /** What it shows, in a sentence, for who cannot see it. */
  readonly label: string;
  /** Pixels, with its axes. */
  readonly height: number;
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly stretches?: readonly Stretch[];
  readonly levels?: readonly Level[];
  readonly curves?: readonly PanelCurve[];
  /** Drawn under the curves. */
  readonly under?: (frame: Frame) => readonly Markup[];
  /** What is told of a stretch under the pointer, line by line. */
  readonly tips?: readonly Stretch[];
}

/** Where the drawing lies in its picture, in pixels from the top. */
export interface Frame {
  readonly top: number;
  readonly bottom: number;
  readonly y: (part: number) => number;
}

/** The row of the phases' names, and one of crosses for each curve that has any. */
const NAMES = 20;
const CROSS = 10;
const FOOT = 24;
const MARK = 9;
/** About so many marks to a curve: enough to follow it, few enough to see it. */
const MARKS = 8;

/** The panel as a figure's picture. It needs the symbols of `shapeSymbols` in its document, and the page's style sheet. */
export function drawPanel(panel: Panel): Markup {
  const { height, label } = panel;
  const crossed = (panel.curves ?? []).filter(({ lost = [] }) => lost.length > 0);
  const frame = frameOf(height, NAMES + crossed.length * CROSS);
  return markup`<div class="plot" role="img" aria-label="${label}"><svg class="scale" width="54" height="${height}">${panel.yTicks.map(
    (tick) => markup`<text x="48" y="${frame.y(tick.at) + 4}" text-anchor="end">${tick.label}</text>`,
  )}</svg><svg class="area" width="100%" height="${height}">${stretches(panel, frame)}${grid(panel, frame)}${
    panel.under?.(frame) ?? []
  }${levels(panel, frame)}${curves(panel, frame)}${losses(crossed)}${tips(panel, frame)}</svg></div>\n`;
}

function frameOf(height: number, top: number): Frame {
  const bottom = height - FOOT;
  return { top, bottom, y: (part) => rounded(top + (1 - part) * (bottom - top), 1) };
}

/** A part of the width as SVG takes it. */
export function across(part: number): string {
  return `${rounded(part * 100, 2)}%`;
}

function stretches({ stretches: all = [] }: Panel, { bottom }: Frame): Markup[] {
  return all.map(({ from, until, label }, index) => {
    const [x, width] = [across(from), across(until - from)];
    const colour = index % 2 === 1 ? "shade" : "no-shade";
    // Inside a picture of its own a name that is too long ends where its phase does.
    return markup`<rect class="${colour}" x="${x}" y="0" width="${width}" height="${bottom}"/><svg x="${x}" width="${width}" height="${NAMES}"><text class="phase-name" x="4" y="13">${label}</text></svg>`;
  });
}

function grid({ xTicks, yTicks }: Panel, { y, bottom }: Frame): Markup[] {
  return [
    ...yTicks.map((tick) => markup`<line class="grid" x2="100%" y1="${y(tick.at)}" y2="${y(tick.at)}"/>`),
    markup`<line class="axis" x2="100%" y1="${bottom}" y2="${bottom}"/>`,
    ...xTicks.map(({ at, label }) => {
      const anchor = at < 0.03 ? "start" : at > 0.97 ? "end" : "middle";
      const x = across(at);
      return markup`<line class="axis" x1="${x}" x2="${x}" y1="${bottom}" y2="${bottom + 4}"/><text x="${x}" y="${bottom + 17}" text-anchor="${anchor}">${label}</text>`;
    }),
  ];
}

/** About the part of a small plot's width that a letter takes, and its height in pixels. */
const LETTER = { width: 0.021, height: 14 } as const;

/** The name of a level stands over or under its line, left or right: where the fewest places of curves lie below it. */
function levels({ levels: all = [], curves: lines = [] }: Panel, { y }: Frame): Markup[] {
  const places = lines
    .flatMap(({ pieces }) => pieces.flatMap(between))
    .map((place) => ({ x: place.x, y: y(place.y) }));
  const taken: { readonly left: boolean; readonly row: number }[] = [];
  return all.map(({ at, label, look, from = 0, until = 1 }) => {
    const row = y(at);
    const choices = [true, false].flatMap((left) => [row - 4, row + 13].map((text) => ({ left, row: text })));
    const width = LETTER.width * label.length;
    const cost = (choice: { readonly left: boolean; readonly row: number }): number => {
      const names = taken.filter(
        (other) => other.left === choice.left && Math.abs(other.row - choice.row) < LETTER.height,
      );
      const under = places.filter(
        ({ x, y: height }) =>
          (choice.left ? x >= from && x < from + width : x <= until && x > until - width) &&
          Math.abs(height - (choice.row - LETTER.height / 3)) < LETTER.height / 1.5,
      );
      return names.length * places.length + under.length;
    };
    const best = choices.reduce((first, second) => (cost(second) < cost(first) ? second : first));
    taken.push(best);
    return markup`<g class="level ${look.colour}"><line x1="${across(from)}" x2="${across(until)}" y1="${row}" y2="${row}"/><text x="${across(best.left ? from : until)}" dx="${best.left ? 4 : -4}" y="${best.row}" text-anchor="${best.left ? "start" : "end"}">${label}</text></g>`;
  });
}

/** The places of a piece, and some between each two: a steep line has none near it otherwise. */
function between(piece: readonly Place[]): Place[] {
  return piece.flatMap((place, index) => {
    const next = piece[index + 1] ?? place;
    return [0, 0.25, 0.5, 0.75].map((part) => ({
      x: place.x + part * (next.x - place.x),
      y: place.y + part * (next.y - place.y),
    }));
  });
}

/** Lines are stretched to the width, their strokes are not. */
function curves({ curves: all = [] }: Panel, { top, bottom, y }: Frame): Markup[] {
  const lines = all.map(({ look, pieces }) =>
    pieces
      .filter((piece) => piece.length > 1)
      .map(
        (piece) =>
          markup`<polyline class="${look.colour}" stroke-dasharray="${look.dash}" points="${piece
            .map((place) => `${rounded(place.x * 1_000, 1)},${rounded((1 - place.y) * 100, 2)}`)
            .join(" ")}"/>`,
      ),
  );
  return [
    markup`<svg class="lines" y="${top}" width="100%" height="${bottom - top}" viewBox="0 0 1000 100" preserveAspectRatio="none">${lines}</svg>`,
    ...all.map(
      ({ look, pieces }, number) =>
        markup`<g class="${look.colour}">${marked(pieces, number / all.length).map(
          (place) =>
            markup`<use href="#${look.shape}" x="${across(place.x)}" y="${y(place.y)}" width="${MARK}" height="${MARK}" transform="translate(-${MARK / 2} -${MARK / 2})"/>`,
        )}</g>`,
    ),
  ];
}

function losses(crossed: readonly PanelCurve[]): Markup[] {
  return crossed.map(
    ({ look, lost = [] }, row) =>
      markup`<g class="${look.colour}">${lost.map(
        (at) =>
          markup`<use href="#lost" x="${across(at)}" y="${NAMES + row * CROSS}" width="8" height="8" transform="translate(-4 0)"/>`,
      )}</g>`,
  );
}

/** Places that bear the curve's mark: some, `shift` of a step later than another curve's; and those that lie alone. */
function marked(pieces: PanelCurve["pieces"], shift: number): Place[] {
  const all = pieces.flatMap((piece) => piece.map((place) => ({ place, alone: piece.length === 1 })));
  const step = Math.max(1, Math.round(all.length / MARKS));
  const first = Math.floor(step * shift);
  return all.filter(({ alone }, index) => alone || index % step === first).map(({ place }) => place);
}

function tips({ tips: all = [] }: Panel, { top, bottom }: Frame): Markup[] {
  return all.map(
    ({ from, until, label }) =>
      markup`<rect class="tip" x="${across(from)}" y="${top}" width="${across(until - from)}" height="${bottom - top}"><title>${label}</title></rect>`,
  );
}
