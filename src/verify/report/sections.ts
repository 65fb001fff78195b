/** The sections of the page under its first screen: the same run seen from each side. */

import { glyph, laneLook } from "../plot/looks.ts";
import { markup } from "../plot/markup.ts";
import type { Markup, Part } from "../plot/markup.ts";
import { axisOfAll, distribution, SPREAD_COLUMNS, spreadRows } from "./distribution.ts";
import { figure, legend, numbers, scrolled } from "./figure.ts";
import { outcomeLegend, outcomes } from "./outcomes.ts";
import {
  axisOver,
  columnsText,
  laneCurves,
  overTime,
  overTimeRows,
  runCurves,
  timeLegend,
} from "./over-time.ts";
import { hasShares, shares } from "./shares.ts";
import { servedText, timeText } from "./words.ts";
import type { LanePhase, LaneResult, VerifyReport } from "./result.ts";

/** With two runs: each lane in both, on one scale. */
export function eachLaneTwice(report: VerifyReport): Markup {
  const [run, other] = report.runs;
  if (other === undefined) return markup``;
  const called = run.lanes.filter(({ offered }) => offered > 0);
  const axis = axisOver([...called, ...other.lanes]);
  const everywhere = called.flatMap(({ lane }) => runCurves(report, lane));
  return section(
    `Each lane, ${run.name} against ${other.name}`,
    `p99 of ${columnsText(report)}, all on one logarithmic scale.`,
    markup`${timeLegend(report, runCurves(report, called[0]?.lane ?? ""), everywhere)}<div class="figures small">${called.map(
      (lane) =>
        figure({
          title: lane.lane,
          body: overTime(report, runCurves(report, lane.lane), { label: lane.lane, height: 170, axis }),
        }),
    )}</div>`,
  );
}

/** What each phase was to each lane, where it was measured. */
export function byPhase(report: VerifyReport): Markup {
  const names = report.phases.map(({ name }) => name);
  const measured = report.runs.filter(({ lanes }) => lanes.some(({ phases = [] }) => phases.length > 0));
  if (measured.length === 0 || names.length < 2) return markup``;
  return section(
    "Phase by phase",
    "The p99 of the served calls that were due in each phase, and the part of all that was served.",
    markup`<div class="figures">${measured.map((run) =>
      figure({
        title: run.name,
        body: scrolled(
          `phase by phase, ${run.name}`,
          ["Lane", ...names],
          run.lanes.map((lane, rank) => [
            markup`${glyph(laneLook(rank))}&#160;${lane.lane}`,
            ...names.map((name) => phaseCell(lane.phases?.find(({ phase }) => phase === name))),
          ]),
        ),
      }),
    )}</div>`,
  );
}

function phaseCell(phase: LanePhase | undefined): Markup {
  if (phase === undefined || phase.offered === 0) return markup`–`;
  return markup`<b>${timeText(phase.latencyMs, "p99")}</b> <small>${servedText(phase)}</small>`;
}

/** All lanes of each run in one plot. The first screen has it already when there is only one run. */
export function whenEach(report: VerifyReport): Markup {
  if (report.runs.length === 1) return markup``;
  const axis = axisOver(report.runs.flatMap(({ lanes }) => lanes));
  return section(
    "All lanes over time",
    `p99 of ${columnsText(report)}, logarithmic. Dotted: what a lane promises.`,
    markup`${timeLegend(
      report,
      laneCurves(report.runs[0].lanes),
      report.runs.flatMap(({ lanes }) => laneCurves(lanes)),
    )}<div class="figures">${report.runs.map((run) => {
      const curves = laneCurves(run.lanes);
      const title = `p99 of each lane, ${run.name}`;
      return figure({
        title: run.name,
        body: [
          overTime(report, curves, { label: title, height: 240, axis }),
          numbers(title, ["Second", ...curves.map(({ label }) => label)], overTimeRows(report, curves)),
        ],
      });
    })}</div>`,
  );
}

/** From the shortest to the longest call. */
export function howLong(report: VerifyReport): Markup {
  if (report.runs.every(({ lanes }) => lanes.every((lane) => lane.distribution.length === 0)))
    return markup``;
  const axis = axisOfAll(report.runs.flatMap(({ lanes }) => lanes));
  return section(
    "How long calls took",
    "The part of the served calls that was answered within a time, counted from the instant each was due. Both scales are logarithmic: a step up leaves out a tenth of what is left.",
    markup`${legend(laneCurves(report.runs[0].lanes))}<div class="figures">${report.runs.map((run) =>
      figure({
        title: run.name,
        body: [
          distribution(run.name, run.lanes, axis),
          numbers(
            `how long calls took, ${run.name}`,
            SPREAD_COLUMNS,
            spreadRows(run.lanes, ({ lane }) => lane),
          ),
        ],
      }),
    )}</div>`,
  );
}

/** Served, refused, failed: each lane of each run. */
export function whatBecame(report: VerifyReport): Markup {
  return section(
    "What became of the calls",
    "Calls a second, by the second in which they were due.",
    markup`${outcomeLegend()}${report.runs.map(
      (run) =>
        markup`${report.runs.length === 1 ? undefined : markup`<h3 class="run-name">${run.name}</h3>`}<div class="figures small">${run.lanes
          .map((lane, rank): [LaneResult, number] => [lane, rank])
          .filter(([{ offered }]) => offered > 0)
          .map(([lane, rank]) =>
            figure({ title: lane.lane, body: outcomes(report, run.name, lane, rank) }),
          )}</div>`,
    )}`,
  );
}

/** Share got against share due. */
export function sharesGot(report: VerifyReport): Markup {
  const runs = report.runs.filter(hasShares);
  if (runs.length === 0) return markup``;
  return section(
    "Share got, share due",
    "Of all that was served while more was asked than could be: the bar is what a lane got, the mark what its policy owes it.",
    markup`<div class="figures">${runs.map((run) => shares(run))}</div>`,
  );
}

function section(title: string, note: string, body: Part): Markup {
  return markup`<section aria-label="${title}"><h2>${title}</h2><p class="note">${note}</p>${body}</section>\n`;
}
