/** What is said at the end, in 80 columns. */

import type { LaneResult, RunReport, VerifyReport } from "../../verify/report/result.ts";
import { showMs } from "../../verify/plot/plot.ts";
import type { Paint } from "../demo/paint.ts";
import { table } from "../output.ts";

const HEAD = ["", "asked", "served", "refused", "failed", "p50", "p99", "wait p99"];
const WIDTH = 80;

/** All runs, the judged one first. */
export function verdictLines(report: VerifyReport, paint: Paint): string[] {
  const [judged, ...others] = report.runs;
  const title = (run: RunReport): string => paint.bold(`${run.name}: ${run.target}`);
  return [
    ...(others.length > 0 ? [title(judged)] : []),
    ...laneLines(judged, paint),
    "",
    ...promiseLines(judged, paint),
    ...remarkLines(judged),
    "",
    // What is only compared is shown, not judged.
    ...others.flatMap((run) => [
      title(run),
      ...laneLines(run, paint),
      "",
      ...remarkLines(run),
      ...invalidLines(run, paint),
      "",
    ]),
    ...conclusion(judged, paint),
    "",
  ];
}

function laneLines(run: RunReport, paint: Paint): string[] {
  const rows = run.lanes.map((lane) => [lane.lane, ...laneCells(lane)]);
  return table([["", ...HEAD], ...rows]).map((line) => (/^\S+ +missed /.test(line) ? paint.bad(line) : line));
}

function laneCells({
  offered,
  served,
  refused,
  failed,
  latencyMs,
  waitMs,
  objectives,
}: LaneResult): string[] {
  const part = offered === 0 ? "–" : percent(served / offered);
  const wait = waitMs.count === 0 ? "–" : showMs(waitMs.p99);
  const [p50, p99] = latencyMs.count === 0 ? ["–", "–"] : [showMs(latencyMs.p50), showMs(latencyMs.p99)];
  const verdict = objectives.length === 0 ? "" : objectives.every(({ held }) => held) ? "held" : "missed";
  return [verdict, String(offered), part, String(refused), String(failed), p50, p99, wait];
}

function promiseLines(run: RunReport, paint: Paint): string[] {
  return run.lanes.flatMap(({ lane, objectives }) =>
    objectives.flatMap(({ objective, measured, held }) => {
      const lines = wrapped(`${held ? "held  " : "missed"}  ${lane}: ${objective}: ${measured}`);
      return held ? lines : lines.map((line) => paint.bad(line));
    }),
  );
}

function remarkLines({ remarks = [], lanes, generator }: RunReport): string[] {
  const errors = lanes.flatMap(({ lane, errors: all }) =>
    all.slice(0, 1).map((error) => `${lane} failed: ${error}`),
  );
  const { sent, sentPerSecond, lagMs, workers } = generator;
  const threads = workers === 1 ? "one thread" : `${workers} threads`;
  const sending =
    `sent ${sent} calls, ${Math.round(sentPerSecond)} a second, by ${threads}; ` +
    `late by ${exactMs(lagMs.p50)} at the median, ${exactMs(lagMs.p99)} at the 99th percentile`;
  return [...remarks, ...errors, sending].flatMap((remark) => wrapped(`note    ${remark}`));
}

function conclusion(run: RunReport, paint: Paint): string[] {
  if (run.invalid.length > 0) return [paint.bad("NOT VALID"), ...invalidLines(run, paint)];
  const all = run.lanes.flatMap(({ objectives }) => objectives);
  const missed = all.filter(({ held }) => !held).length;
  if (missed === 0) return [paint.good(`HELD: all ${all.length} objectives`)];
  return [paint.bad(`MISSED: ${missed} of ${all.length} objectives`)];
}

function invalidLines(run: RunReport, paint: Paint): string[] {
  return run.invalid.flatMap((why) => wrapped(`invalid ${why}`)).map((line) => paint.bad(line));
}

/** Lines of at most 80 columns, the following ones under the first one's text. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  // A number stays with its unit.
  for (const word of text.split(/(?<=\S) (?=\S)(?!(?:ms|s|%)(?:\W|$))/)) {
    if (line !== "" && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = `        ${word}`;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Cut, not rounded: what is not all is not 100 %. */
function percent(part: number): string {
  return `${Math.floor(part * 1_000 + 1e-9) / 10} %`;
}

function exactMs(ms: number): string {
  return ms < 10 ? `${Math.round(ms * 100) / 100} ms` : showMs(ms);
}
