/** The report as Markdown for a pull request. */

import { showMs } from "../plot/plot.ts";
import { generatorText } from "./measured.ts";
import { argument, doubtOf, objectiveText, reportVerdict, sameLane } from "./verdict.ts";
import { countText, servedText, timeText, unanswered } from "./words.ts";
import type { RunReport, VerifyReport } from "./result.ts";

/** The text of `summary.md`: the verdict, a table of the lanes, and the other run beside it when there was one. */
export function reportSummary(report: VerifyReport): string {
  const [run, other] = report.runs;
  const { word, text } = reportVerdict(report);
  const doubt = doubtOf(other);
  const lines = [
    `### laneway verify: ${word.toLowerCase()}`,
    "",
    `**${word}.** ${plain(text)}${run.invalid.length === 0 ? ` ${plain(argument(report))}` : ""}`,
    "",
    ...run.invalid.map((reason) => `- ${plain(reason)}`),
    ...(run.invalid.length === 0 ? [] : [""]),
    ...lanes(run),
    "",
    ...(other === undefined ? [] : against(report)),
    ...(run.remarks ?? []).flatMap((remark) => [plain(remark), ""]),
    ...(doubt === undefined ? [] : [plain(doubt), ""]),
    `${plain(report.scenario)} against ${plain(run.target)}, ${showMs(report.durationMs)}, seed ${report.seed}. ${generatorText(run.generator)}.`,
  ];
  return `${lines.join("\n")}\n`;
}

function lanes({ lanes: all, invalid }: RunReport): string[] {
  const judged = invalid.length === 0;
  const silent = all.some((lane) => unanswered(lane) > 0);
  const heads = [
    "lane",
    "offered",
    "served",
    "refused",
    "failed",
    ...(silent ? ["no answer"] : []),
    "p50",
    "p99",
    "wait p99",
  ];
  return [
    row([...heads, "promised, and found", ""]),
    row(["---", ...heads.slice(1).map(() => "---:"), "---", "---"]),
    ...all.map((lane) =>
      row([
        plain(lane.lane),
        countText(lane.offered),
        `${countText(lane.served)} (${servedText(lane)})`,
        countText(lane.refused),
        countText(lane.failed),
        ...(silent ? [countText(unanswered(lane))] : []),
        timeText(lane.latencyMs, "p50"),
        timeText(lane.latencyMs, "p99"),
        timeText(lane.waitMs, "p99"),
        lane.objectives.map((one) => plain(objectiveText(one))).join("<br>"),
        lane.objectives
          .map(({ held }) => (held ? "held" : "**missed**"))
          .filter(() => judged)
          .join("<br>"),
      ]),
    ),
  ];
}

/** What the same load found elsewhere. */
function against(report: VerifyReport): string[] {
  const [run, other] = report.runs;
  const names = [plain(run.name), plain(other!.name)];
  return [
    row(["lane", ...names.map((name) => `p99, ${name}`), ...names.map((name) => `served, ${name}`)]),
    row(["---", "---:", "---:", "---:", "---:"]),
    ...run.lanes.map((lane) => {
      const both = [lane, sameLane(other, lane.lane)];
      return row([
        plain(lane.lane),
        ...both.map((one) => (one === undefined ? "–" : timeText(one.latencyMs, "p99"))),
        ...both.map((one) => (one === undefined ? "–" : servedText(one))),
      ]);
    }),
    "",
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** Text that Markdown and GitHub take as it is: no tag, table, link, mention or reference to an issue comes of it. */
function plain(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/[&<>@#]/g, (character) => `&#${character.codePointAt(0)};`)
    .replace(/[\\`*_[\]|~]/g, (character) => `\\${character}`);
}
