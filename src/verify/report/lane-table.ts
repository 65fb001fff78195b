/** The lanes of a report as a table: what was asked of each, what it gave, and whether it kept what it had promised. */

import { glyph, laneLook, runLook } from "../plot/looks.ts";
import { markup } from "../plot/markup.ts";
import type { Markup } from "../plot/markup.ts";
import { standing } from "./promises.ts";
import { sameLane } from "./verdict.ts";
import { countText, servedText, timeText, unanswered } from "./words.ts";
import type { LaneResult, ObjectiveResult, RunReport, VerifyReport } from "./result.ts";

const RUN = "Run";
const COLUMNS = [
  "Offered",
  "Served",
  "",
  "Refused",
  "Failed",
  "No answer",
  "p50",
  "p99",
  "Longest",
  "Wait p99",
];

/** The table. With two runs each lane has a row for each. */
export function laneTable(report: VerifyReport): Markup {
  const [run, other] = report.runs;
  const heads = ["Lane", ...(other === undefined ? [] : [RUN]), ...COLUMNS];
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="Lanes"><table class="lanes"><thead><tr>${heads.map(
    (head) =>
      head === ""
        ? markup`<td></td>`
        : markup`<th scope="col" class="${head === RUN ? "run" : ""}">${head}</th>`,
  )}<th scope="col" class="left">Promises</th></tr></thead>${run.lanes.map((lane, rank) =>
    rows(report, lane, rank),
  )}</table></div>`;
}

/** A body for each lane: its name is the head of both its rows. */
function rows({ runs: [run, other] }: VerifyReport, lane: LaneResult, rank: number): Markup {
  const control = sameLane(other, lane.lane);
  const span = control === undefined ? 1 : 2;
  const name = markup`<th scope="rowgroup" class="name" rowspan="${span}">${glyph(laneLook(rank))}&#160;${lane.lane}</th>`;
  const runName = (index: number, text: string): Markup | undefined =>
    other === undefined
      ? undefined
      : markup`<th scope="row" class="run">${glyph(runLook(index))}&#160;${text}</th>`;
  const judged = markup`<tr>${name}${runName(0, run.name)}${cells(lane, run)}</tr>\n`;
  if (control === undefined) return markup`<tbody>${judged}</tbody>`;
  return markup`<tbody>${judged}<tr class="control">${runName(1, other!.name)}${cells(control, other!)}</tr></tbody>\n`;
}

function cells(lane: LaneResult, run: RunReport): Markup {
  return markup`<td>${countText(lane.offered)}</td><td>${countText(lane.served)}</td><td class="small">${servedText(lane)}</td><td>${countText(lane.refused)}</td><td>${countText(lane.failed)}</td><td>${countText(unanswered(lane))}</td><td>${timeText(lane.latencyMs, "p50")}</td><td class="strong">${timeText(lane.latencyMs, "p99")}</td><td>${timeText(lane.latencyMs, "max")}</td><td>${timeText(lane.waitMs, "p99")}</td>${kept(lane.objectives, run)}`;
}

/** How many were kept. */
function kept(objectives: readonly ObjectiveResult[], run: RunReport): Markup {
  if (objectives.length === 0) return markup`<td class="left quiet">–</td>`;
  const missed = objectives.filter(({ held }) => !held).length;
  const { level, sign, word } = standing(missed === 0, run);
  const count = missed === 0 || run.invalid.length > 0 ? "" : ` ${missed} of ${objectives.length}`;
  return markup`<td class="left ${level}">${sign}${word}${count}</td>`;
}
