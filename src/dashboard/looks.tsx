/** How a lane looks: a colour, and for whoever cannot tell those apart a shape and a dash, by its rank. */

import type { VNode } from "preact";
import { shown } from "./live.ts";

/** Colours are `.lane-0` to `.lane-5` of the style sheet. */
const LOOKS = 6;
const SHAPES = [
  "M5 .8a4.2 4.2 0 1 0 0 8.4a4.2 4.2 0 0 0 0-8.4z",
  "M5 .6L9.7 9H.3z",
  "M1 1h8v8H1z",
  "M5 0L10 5L5 10L0 5z",
  "M.3 1h9.4L5 9.4z",
  "M3.4 0h3.2v3.4H10v3.2H6.6V10H3.4V6.6H0V3.4h3.4z",
] as const;
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [14, 4], [4, 2, 1, 2]] as const;

/** Its rank in the policy, which its look goes by. */
export function rankOf(lane: string): number {
  return Math.max(0, shown.value.state?.lanes.findIndex(({ name }) => name === lane) ?? 0);
}

/** The class that gives its colour. */
export function colourClass(lane: string): string {
  return `lane-${rankOf(lane) % LOOKS}`;
}

/** Its line in a chart. */
export function dashOf(lane: string): number[] {
  return [...DASHES[rankOf(lane) % LOOKS]!];
}

/** Its shape, beside its name everywhere. */
export function Glyph({ lane }: { readonly lane: string }): VNode {
  return (
    <svg class={`glyph ${colourClass(lane)}`} viewBox="0 0 10 10" aria-hidden="true">
      <path d={SHAPES[rankOf(lane) % LOOKS]} fill="currentColor" />
    </svg>
  );
}

/** Shape and name. */
export function LaneName({ lane }: { readonly lane: string }): VNode {
  return (
    <span class="lane-name">
      <Glyph lane={lane} />
      {lane}
    </span>
  );
}
