/** Of all that was served beyond capacity: what each lane got, against what its policy owed it. */

import { laneLook, glyph } from "../plot/looks.ts";
import { markup } from "../plot/markup.ts";
import type { Markup } from "../plot/markup.ts";
import { across } from "../plot/panel.ts";
import { percentText } from "./words.ts";
import type { LaneResult, RunReport } from "./result.ts";

/** As on the live page: this much less than due is not noise. */
const SHORT_OF_DUE = 0.05;

/** Whether there is anything to show: a run that was never beyond capacity has no shares. */
export function hasShares({ lanes }: RunReport): boolean {
  return lanes.some(({ share }) => share.got > 0 || (share.due ?? 0) > 0);
}

/** The table: a bar for what a lane got, a mark across it where its due lies. */
export function shares({ name, lanes }: RunReport): Markup {
  return markup`<table class="shares"><caption>${name}</caption><thead><tr><th scope="col">Lane</th><td></td><th scope="col">Got</th><th scope="col">Due</th></tr></thead><tbody>${lanes.map(
    ({ lane, share }, rank) =>
      markup`<tr><th scope="row">${glyph(laneLook(rank))}&#160;${lane}</th><td class="bar">${bar(share, rank)}</td>${got(share)}<td>${
        share.due === undefined ? "–" : percentText(part(share.due))
      }</td></tr>\n`,
  )}</tbody></table>`;
}

function bar(share: LaneResult["share"], rank: number): Markup {
  const due = share.due === undefined ? undefined : across(part(share.due));
  return markup`<svg class="${laneLook(rank).colour}" width="100%" height="16" aria-hidden="true"><rect class="track" y="3" width="100%" height="10"/><rect class="served" y="3" width="${across(part(share.got))}" height="10"/>${
    due === undefined ? undefined : markup`<line class="due" x1="${due}" x2="${due}" y2="16"/>`
  }</svg>`;
}

function got(share: LaneResult["share"]): Markup {
  const short = part(share.got) < part(share.due ?? 0) - SHORT_OF_DUE;
  return short
    ? markup`<td class="short-of"><span aria-hidden="true">▼ </span>${percentText(part(share.got))}<span class="for-readers">, less than due</span></td>`
    : markup`<td>${percentText(part(share.got))}</td>`;
}

function part(value: number): number {
  return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
}
