/**
 * How a lane looks in a picture: a colour, and for whoever cannot tell those apart a shape and a dash. By its rank, and
 * the same as on the live page (src/dashboard), so that a lane is known again.
 */

import { markup } from "./markup.ts";
import type { Markup } from "./markup.ts";

/** The look of one curve: `colour` is a class of the style sheet, `shape` the id of a symbol. */
export interface Look {
  readonly colour: string;
  readonly shape: string;
  /** As `stroke-dasharray` takes it; empty for a whole line. */
  readonly dash: string;
}

/** Okabe and Ito's colours, on a light and on a dark page; in light a little darker, for contrast on white. */
export const LANE_COLOURS: readonly (readonly [light: string, dark: string])[] = [
  ["#0072b2", "#4aa8e0"],
  ["#c07600", "#e69f00"],
  ["#00875f", "#1fb98c"],
  ["#b3528a", "#cc79a7"],
  ["#2f87be", "#56b4e9"],
  ["#8a7d00", "#f0e442"],
];

/** Outlines in a box of 10 by 10. */
export const SHAPES: readonly string[] = [
  "M5 .8a4.2 4.2 0 1 0 0 8.4a4.2 4.2 0 0 0 0-8.4z",
  "M5 .6L9.7 9H.3z",
  "M1 1h8v8H1z",
  "M5 0L10 5L5 10L0 5z",
  "M.3 1h9.4L5 9.4z",
  "M3.4 0h3.2v3.4H10v3.2H6.6V10H3.4V6.6H0V3.4h3.4z",
];

/** Lengths of strokes and gaps. */
export const DASHES: readonly (readonly number[])[] = [
  [],
  [7, 3],
  [2, 3],
  [9, 3, 2, 3],
  [14, 4],
  [4, 2, 1, 2],
];

/** The look of a lane by its rank. The colours come again after six lanes, but with another shape and dash. */
export function laneLook(rank: number): Look {
  const round = Math.floor(rank / LANE_COLOURS.length);
  const form = (rank + round) % SHAPES.length;
  return {
    colour: `lane-${rank % LANE_COLOURS.length}`,
    shape: `shape-${form}`,
    dash: DASHES[form]!.join(" "),
  };
}

/** The look of a run beside another one: the judged one first. */
export function runLook(index: number): Look {
  return { colour: `run-${index}`, shape: `shape-${index}`, dash: DASHES[index]?.join(" ") ?? "" };
}

/** The symbols that the shapes are, and the cross for what is lost, once in a document. */
export function shapeSymbols(): Markup[] {
  const shapes = SHAPES.map(
    (path, index) =>
      markup`<symbol id="shape-${index}" viewBox="0 0 10 10"><path d="${path}" fill="currentColor"/></symbol>`,
  );
  const lost = markup`<symbol id="lost" viewBox="0 0 8 8"><path d="M1 1L7 7M7 1L1 7" fill="none" stroke="currentColor" stroke-width="1.8"/></symbol>`;
  return [...shapes, lost];
}

/** A line with its mark, as a legend shows it. */
export function lineSign({ colour, shape, dash }: Look): Markup {
  return markup`<svg class="sign ${colour}" width="30" height="12" aria-hidden="true"><line x1="0" x2="30" y1="6" y2="6" stroke-dasharray="${dash}"/><use href="#${shape}" x="10" y="1" width="10" height="10"/></svg>`;
}

/** A shape alone, beside the name of its lane. */
export function glyph({ colour, shape }: Look): Markup {
  return markup`<svg class="glyph ${colour}" width="10" height="10" aria-hidden="true"><use href="#${shape}" width="10" height="10"/></svg>`;
}
