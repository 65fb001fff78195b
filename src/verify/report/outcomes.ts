/** What became of the calls of a lane, each second: served, refused, failed, and up to what was asked of it, nothing. */

import { laneLook } from "../plot/looks.ts";
import { markup } from "../plot/markup.ts";
import type { Markup } from "../plot/markup.ts";
import { across, drawPanel } from "../plot/panel.ts";
import type { Frame, Tick } from "../plot/panel.ts";
import { along, instants, phaseStretches } from "./figure.ts";
import { slicesOf } from "./seconds.ts";
import type { Slice } from "./seconds.ts";
import { grouped, showInstant } from "./words.ts";
import type { LaneResult, VerifyReport } from "./result.ts";

/** Columns of so small a plot. */
const MOST = 60;
/** From the bottom up. */
const PARTS = ["served", "refused", "failed"] as const;

/** The fills that outcomes are drawn with, once in a document: refused is hatched, failed is crossed. */
export function outcomePatterns(): Markup {
  return markup`<pattern id="refused" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="refused-paper" width="6" height="6"/><line class="refused-line" x1="1" x2="1" y2="6"/></pattern><pattern id="failed" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="failed-paper" width="6" height="6"/><path class="failed-line" d="M0 0L6 6M6 0L0 6"/></pattern>`;
}

/** What the fills mean. */
export function outcomeLegend(): Markup {
  const box = (name: string): Markup =>
    markup`<svg class="glyph" width="14" height="10" aria-hidden="true"><rect class="${name}" width="14" height="10"/></svg>`;
  return markup`<p class="legend"><span>${box("served run-0")} served (in the lane’s colour)</span> <span>${box("refused")} refused</span> <span>${box("failed")} failed</span> <span><svg class="glyph" width="14" height="10" aria-hidden="true"><line class="offered-line" x2="14" y1="2" y2="2"/></svg> offered: what is empty below it was never answered</span></p>`;
}

/** The plot of one lane. */
export function outcomes(report: VerifyReport, run: string, lane: LaneResult, rank: number): Markup {
  const slices = slicesOf(lane, report.durationMs, MOST);
  const top = topOf(slices);
  return drawPanel({
    label: `${run}, ${lane.lane}: of ${grouped(lane.offered)} offered, ${grouped(lane.served)} served, ${grouped(lane.refused)} refused, ${grouped(lane.failed)} failed.`,
    height: 150,
    xTicks: instants(report).filter((_tick, index) => index % 2 === 0),
    yTicks: [0, 0.5, 1].map((part): Tick => ({ at: part, label: `${grouped(part * top)}/s` })),
    stretches: phaseStretches(report),
    under: (frame) => slices.map((slice) => column(report, slice, { frame, top, rank })),
    tips: slices.map(({ fromMs, untilMs, perSecond }) => ({
      from: along(fromMs, report),
      until: along(untilMs, report),
      label: [
        showInstant(fromMs),
        ...(["offered", ...PARTS] as const).map((part) => `${part} ${grouped(perSecond[part])}/s`),
      ].join("\n"),
    })),
  });
}

/** A round number of calls a second that no column passes; even, so that half of it is round too. */
function topOf(slices: readonly Slice[]): number {
  const most = slices.reduce(
    (largest, { perSecond: { offered, served, refused, failed } }) =>
      Math.max(largest, offered, served + refused + failed),
    2,
  );
  const decade = 10 ** Math.floor(Math.log10(most));
  return (
    [1, 2, 4, 6, 8, 10].map((factor) => factor * decade).find((size) => size >= most && size % 2 === 0) ??
    10 * decade
  );
}

function column(
  report: VerifyReport,
  { fromMs, untilMs, perSecond }: Slice,
  { frame, top, rank }: { readonly frame: Frame; readonly top: number; readonly rank: number },
): Markup {
  const x = across(along(fromMs, report));
  const width = across(along(untilMs, report) - along(fromMs, report));
  let below = 0;
  const parts = PARTS.map((part) => {
    const from = below;
    below += perSecond[part];
    if (perSecond[part] <= 0) return undefined;
    const [low, high] = [frame.y(from / top), frame.y(below / top)];
    const look = part === "served" ? `served ${laneLook(rank).colour}` : part;
    return markup`<rect class="${look}" x="${x}" width="${width}" y="${high}" height="${low - high}"/>`;
  });
  const line = frame.y(perSecond.offered / top);
  const offered =
    perSecond.offered <= 0
      ? undefined
      : markup`<line class="offered-line" x1="${x}" x2="${across(along(untilMs, report))}" y1="${line}" y2="${line}"/>`;
  return markup`${parts}${offered}`;
}
