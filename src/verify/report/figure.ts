/** Parts that all figures of the page have: a heading, a legend, and their numbers as a table. */

import { lineSign } from "../plot/looks.ts";
import type { Look } from "../plot/looks.ts";
import { markup } from "../plot/markup.ts";
import type { Markup, Part } from "../plot/markup.ts";
import { showMs, timeTicks } from "../plot/plot.ts";
import type { LogAxis } from "../plot/plot.ts";
import type { Stretch, PanelCurve, Place, Tick } from "../plot/panel.ts";
import type { VerifyReport } from "./result.ts";

/** A figure with its heading, and under it what one has to know to read it. */
export function figure({
  title,
  note,
  body,
  wide = false,
}: {
  readonly title: string;
  readonly note?: string;
  readonly body: Part;
  readonly wide?: boolean;
}): Markup {
  return markup`<figure class="${wide ? "wide" : "part"}"><figcaption><h3>${title}</h3>${
    note === undefined ? undefined : markup`<p class="note">${note}</p>`
  }</figcaption>${body}</figure>\n`;
}

/** Lines and what they stand for; `more` is what else is drawn. */
export function legend(
  entries: readonly { readonly look: Look; readonly label: string }[],
  more?: Markup,
): Markup {
  return markup`<p class="legend">${entries.map(
    ({ look, label }) => markup`<span>${lineSign(look)} ${label}</span> `,
  )}${more}</p>`;
}

/** The numbers of a figure for who cannot see it, and for who wants to know: opened by a click. */
export function numbers(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly Part[])[],
): Markup {
  return markup`<details><summary>Numbers<span class="for-readers">: ${caption}</span></summary>${scrolled(caption, columns, rows)}</details>`;
}

/** A table that scrolls sideways where it must, also by the keyboard. The first cell of each row is its head. */
export function scrolled(
  label: string,
  columns: readonly string[],
  rows: readonly (readonly Part[])[],
): Markup {
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table><thead><tr>${columns.map(
    (column) => markup`<th scope="col">${column}</th>`,
  )}</tr></thead><tbody>${rows.map(
    ([head, ...cells]) =>
      markup`<tr><th scope="row">${head}</th>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>\n`,
  )}</tbody></table></div>`;
}

/** Where an instant lies on the horizontal axis. */
export function along(ms: number, { durationMs }: VerifyReport): number {
  return Math.min(1, Math.max(0, ms / Math.max(1, durationMs)));
}

/** The horizontal axis of whatever is drawn over the time of the run. */
export function instants(report: VerifyReport): Tick[] {
  const ticks = timeTicks(Math.max(1, report.durationMs), 6);
  return ticks.map((ms) => ({ at: along(ms, report), label: ms === 0 ? "0" : showMs(ms) }));
}

/** The phases of the run, for the same axis. */
export function phaseStretches(report: VerifyReport): Stretch[] {
  return report.phases.map(({ name, fromMs, untilMs }) => ({
    from: along(fromMs, report),
    until: along(Math.max(fromMs, untilMs), report),
    label: name,
  }));
}

/** A vertical axis of times. */
export function timeScale(axis: LogAxis): Tick[] {
  return axis.ticks.map((ms) => ({ at: axis.position(ms), label: ms === axis.min ? "≤ 1 ms" : showMs(ms) }));
}

/** A curve in pieces, broken where there is no value. */
export function curveOf(
  look: Look,
  places: readonly (Place | undefined)[],
  lost: readonly number[] = [],
): PanelCurve {
  const pieces: Place[][] = [];
  let broken = true;
  for (const place of places) {
    if (place === undefined) broken = true;
    else if (broken) {
      pieces.push([place]);
      broken = false;
    } else pieces.at(-1)!.push(place);
  }
  return { look, pieces, lost };
}
