/**
 * The report as one HTML file that loads and runs nothing: it can be mailed, kept with a build, opened from a disk. The
 * first screen is the argument: the verdict, the numbers of the most important lane, and its p99 over time.
 */

import { createHash } from "node:crypto";
import { laneLook, lineSign, runLook, shapeSymbols } from "../plot/looks.ts";
import type { Look } from "../plot/looks.ts";
import { markup } from "../plot/markup.ts";
import type { Markup } from "../plot/markup.ts";
import { figure, numbers } from "./figure.ts";
import { laneTable } from "./lane-table.ts";
import { outcomePatterns } from "./outcomes.ts";
import {
  axisOver,
  columnsText,
  laneCurves,
  overTime,
  overTimeRows,
  runCurves,
  timeLegend,
} from "./over-time.ts";
import { howMeasured, whatFailed } from "./measured.ts";
import { promised } from "./promises.ts";
import { byPhase, eachLaneTwice, howLong, sharesGot, whatBecame, whenEach } from "./sections.ts";
import { STYLE } from "./style.ts";
import { argument, doubtOf, headLane, reportVerdict, sameLane } from "./verdict.ts";
import { grouped, instantText, plural, servedText, timeText, unanswered, where } from "./words.ts";
import type { LaneResult, VerifyReport } from "./result.ts";

/** The text of `index.html`; the same for the same report. */
export function reportPage(report: VerifyReport): string {
  const { word } = reportVerdict(report);
  const sections = [
    head(report),
    laneTable(report),
    promised(report),
    byPhase(report),
    eachLaneTwice(report),
    whenEach(report),
    howLong(report),
    whatBecame(report),
    sharesGot(report),
    whatFailed(report),
    howMeasured(report),
  ];
  const page = markup`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/>
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src '${styleHash()}'; img-src data:; base-uri 'none'; form-action 'none'"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta name="referrer" content="no-referrer"/>
<link rel="icon" href="data:,"/>
<title>${word}: laneway verify, ${report.scenario}</title>
`;
  const body = markup`</head><body>
<svg class="defs" width="0" height="0" aria-hidden="true"><defs>${shapeSymbols()}${outcomePatterns()}</defs></svg>
<header><h1>laneway verify</h1><p>${report.scenario} · ${report.runs[0].target} · ${instantText(report.startedAt)}</p></header>
<main>${verdict(report)}${sections}</main>
</body></html>
`;
  return `${page.text}<style>${STYLE}</style>${body.text}`;
}

/** What the style sheet is allowed by: nothing else in the page may style it. */
function styleHash(): string {
  return `sha256-${createHash("sha256").update(STYLE).digest("base64")}`;
}

function verdict(report: VerifyReport): Markup {
  const { level, word, text } = reportVerdict(report);
  const { invalid } = report.runs[0];
  const doubt = doubtOf(report.runs[1]);
  return markup`<section class="verdict ${level}" aria-label="Verdict"><b>${word}</b><span>${text}</span>${
    invalid.length === 0
      ? markup`<p>${argument(report)}</p>`
      : markup`<ul>${invalid.map((reason) => markup`<li>${reason}</li>`)}</ul>`
  }${doubt === undefined ? undefined : markup`<p>${doubt}</p>`}</section>\n`;
}

/** The numbers of the most important lane and its curve: beside itself without lanes, or beside the other lanes. */
function head(report: VerifyReport): Markup {
  const [run, other] = report.runs;
  const lane = headLane(run);
  if (lane === undefined) return markup``;
  const control = sameLane(other, lane.lane);
  const curves = control === undefined ? laneCurves(run.lanes) : runCurves(report, lane.lane);
  const title =
    control === undefined ? "p99 of each lane" : `p99 of ${lane.lane}: ${run.name} against ${other!.name}`;
  const drawn = overTime(report, curves, {
    label: title,
    height: 270,
    axis: axisOver(curves.map((curve) => curve.lane)),
  });
  const table = numbers(title, ["Second", ...curves.map(({ label }) => label)], overTimeRows(report, curves));
  return markup`<div class="head"><div class="cards">${
    control === undefined
      ? singleCards(run.lanes, lane)
      : [
          card(lane, `${lane.lane} ${where(run.name)}`, runLook(0)),
          card(control, `${lane.lane} ${where(other!.name)}`, runLook(1)),
        ]
  }</div>${figure({
    title,
    note: `${columnsText(report)}, logarithmic`,
    body: [timeLegend(report, curves), drawn, table],
    wide: true,
  })}</div>\n`;
}

/** The most important lane, and the least important one that was called: what was kept, and what paid for it. */
function singleCards(lanes: readonly LaneResult[], lane: LaneResult): Markup[] {
  const last = lanes.findLast(({ offered }) => offered > 0);
  return [
    card(lane, lane.lane, laneLook(lanes.indexOf(lane))),
    ...(last === undefined || last === lane ? [] : [card(last, last.lane, laneLook(lanes.indexOf(last)))]),
  ];
}

function card(lane: LaneResult, title: string, look: Look): Markup {
  return markup`<div class="card ${look.colour}"><h2>${lineSign(look)} ${title}</h2><dl><div><dt>p99 of the served</dt><dd>${timeText(lane.latencyMs, "p99")}</dd></div><div><dt>served</dt><dd>${servedText(lane)}</dd></div></dl><p>Of ${plural(lane.offered, "call")}: ${rest(lane)}.</p></div>`;
}

function rest(lane: LaneResult): string {
  const lost: readonly (readonly [number, string])[] = [
    [lane.refused, "refused"],
    [lane.failed, "failed"],
    [unanswered(lane), "never answered"],
  ];
  const parts = lost.filter(([count]) => count > 0).map(([count, word]) => `${grouped(count)} ${word}`);
  if (lane.latencyMs.count === 0) return parts.join(", ") || "none";
  return [
    `half within ${timeText(lane.latencyMs, "p50")}`,
    `the longest took ${timeText(lane.latencyMs, "max")}`,
    ...(parts.length === 0 ? ["none refused, none failed"] : parts),
  ].join(", ");
}
