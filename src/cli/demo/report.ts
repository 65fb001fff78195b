/** What stays on the screen after a run: the verdict in words and numbers, the curves, and what to try next. */

import { showMs } from "../../verify/plot/plot.ts";
import type { TimePlot } from "../../verify/plot/plot.ts";
import type { Paint } from "./paint.ts";
import { BATCH_MODEL, CHAT_SEATS } from "./scenario.ts";
import { drawPlot } from "./screen.ts";
import type { CallerVerdict, SideVerdict, Verdict } from "./verdict.ts";

/** A generator later than this makes the replies' times doubtful; the waits are the gateway's own figures. */
const LAG_NOTED_MS = 20;
const PLOT_ROWS = 13;
const WIDTHS = [32, 11, 11] as const;

/** Where the files of a run are, as the reader can type them. */
export interface ReportFiles {
  readonly svg: string;
  readonly policyOn: string;
}

/** The report's lines, at most 80 columns wide but for a folder with a long name. */
export function report(verdict: Verdict, plot: TimePlot, files: ReportFiles, paint: Paint): string[] {
  return [
    sentence(verdict, paint),
    "",
    ...table(verdict, paint),
    "",
    ...drawPlot(plot, { columns: 79, rows: PLOT_ROWS }, paint),
    "",
    ...notes(verdict),
    `the curves as a picture: ${files.svg}`,
    "",
    paint.bold("Try next"),
    `  npx laneway check ${files.policyOn}`,
    `  npx laneway explain POST /v1/messages --model ${BATCH_MODEL} \\`,
    `      --policy ${files.policyOn}`,
    `  npx laneway gateway --policy ${files.policyOn}`,
    paint.dim(`      and in your program: new Anthropic({ baseURL: "http://127.0.0.1:8080" })`),
  ];
}

function sentence(verdict: Verdict, paint: Paint): string {
  const { off, on, kept } = verdict;
  const waits = `Behind ${on.mostWaiting} queued calls chat waited ${showMs(on.chat.waitMs.p99)} (p99); without lanes ${showMs(off.chat.waitMs.p99)}.`;
  const word = kept ? paint.good(paint.bold("KEPT")) : paint.bad(paint.bold("MISSED"));
  return `${word}  ${kept ? waits : `${verdict.missed.join("; ")}.`}`;
}

function table(verdict: Verdict, paint: Paint): string[] {
  const { off, on, objective } = verdict;
  const line = (name: string, show: (side: SideVerdict) => string, note = ""): string =>
    `  ${name.padEnd(WIDTHS[0])}${show(off).padStart(WIDTHS[1])}${show(on).padStart(WIDTHS[2])}  ${note}`.trimEnd();
  const head = `  ${"".padEnd(WIDTHS[0])}${paint.off("lanes off".padStart(WIDTHS[1]))}${paint.on("lanes on".padStart(WIDTHS[2]))}`;
  return [
    head,
    line("chat wait, median", (side) => showMs(side.chat.waitMs.p50)),
    line("chat wait, p99", (side) => showMs(side.chat.waitMs.p99), `objective < ${objective.waitP99Ms} ms`),
    line("chat question to last byte, p99", (side) => showMs(side.chat.replyMs.p99)),
    line("chat messages served", (side) => share(side.chat)),
    line("background wait, p99", (side) => showMs(side.background.waitMs.p99)),
    line("background calls served", (side) => share(side.background)),
    line("batch calls served", (side) => share(side.batch)),
    line(
      "batch calls a second",
      (side) => side.batch.perSecond.toFixed(1),
      `price of ${CHAT_SEATS} kept seats`,
    ),
    line("batch done after", (side) =>
      side.batch.doneInMs === undefined ? "-" : showMs(side.batch.doneInMs),
    ),
    line("most calls at once upstream", (side) => String(side.mostAtOnce)),
  ];
}

function share(caller: CallerVerdict): string {
  return `${caller.served} of ${caller.sent}`;
}

function notes(verdict: Verdict): string[] {
  const lag = verdict.generatorLagMs.chat;
  const repeat = `seed ${verdict.seed}; chat's load generator was ${showMs(lag)} late at its 99th percentile`;
  return lag <= LAG_NOTED_MS
    ? [repeat]
    : [repeat, "(that is much: the machine is busy, and replies look slower than they are)"];
}
