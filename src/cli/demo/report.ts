/** What stays on the screen after a run: the verdict in words and numbers, the curves, and what to try next. */

import { showMs } from "../../verify/plot/plot.ts";
import type { TimePlot } from "../../verify/plot/plot.ts";
import type { Paint } from "./paint.ts";
import { AT_ONCE, BATCH_HEADER, CHAT_SEATS } from "./scenario.ts";
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
  readonly recording: string;
}

/** The report's lines, at most 80 columns wide but for a folder with a long name. */
export function report(verdict: Verdict, plot: TimePlot, files: ReportFiles, paint: Paint): string[] {
  return [
    sentence(verdict, paint),
    `      The upstream refused ${tries(verdict.off)} without budgets, ${tries(verdict.on)} with them.`,
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
    `  npx laneway explain POST /v1/messages -H '${BATCH_HEADER.name}: ${BATCH_HEADER.value}' \\`,
    `      --policy ${files.policyOn}`,
    `  npx laneway simulate ${files.policyOn} ${files.recording}`,
    `  npx laneway gateway --policy ${files.policyOn}`,
    paint.dim(`      and in your program: new Anthropic({ baseURL: "http://127.0.0.1:8080" })`),
  ];
}

function sentence(verdict: Verdict, paint: Paint): string {
  const { off, on, kept } = verdict;
  const waits = `Behind ${on.mostWaiting} queued calls chat waited ${showWaited(on.chat)} (p99); without lanes ${showWaited(off.chat)}.`;
  const word = kept ? paint.good(paint.bold("KEPT")) : paint.bad(paint.bold("MISSED"));
  return `${word}  ${kept ? waits : `${verdict.missed.join("; ")}.`}`;
}

function tries({ refusedUpstream }: SideVerdict): string {
  return refusedUpstream === 1 ? "1 try" : `${refusedUpstream} tries`;
}

function table(verdict: Verdict, paint: Paint): string[] {
  const { off, on, objective } = verdict;
  const line = (name: string, show: (side: SideVerdict) => string, note = ""): string =>
    `  ${name.padEnd(WIDTHS[0])}${show(off).padStart(WIDTHS[1])}${show(on).padStart(WIDTHS[2])}  ${note}`.trimEnd();
  const head = `  ${"".padEnd(WIDTHS[0])}${paint.off("lanes off".padStart(WIDTHS[1]))}${paint.on("lanes on".padStart(WIDTHS[2]))}`;
  return [
    head,
    line("chat wait, median", ({ chat }) => showMs(chat.waitedMs.p50)),
    line("chat wait, p99", ({ chat }) => showWaited(chat), `objective < ${objective.waitP99Ms} ms`),
    line("reply time of served chat, p99", (side) => showMs(side.chat.replyMs.p99)),
    line("chat messages served", (side) => share(side.chat)),
    line("wait of served background, p99", (side) => showMs(side.background.waitMs.p99)),
    line("background calls served", (side) => share(side.background)),
    line("batch calls served", (side) => share(side.batch)),
    line("batch calls a second", (side) => side.batch.perSecond.toFixed(1)),
    line("most calls at once upstream", (side) => String(side.mostAtOnce)),
    line("refused by the upstream (429)", (side) => String(side.refusedUpstream)),
    line(
      "share of the token budget used",
      (side) => `${Math.round(side.budgetUsed * 100)} %`,
      `${Math.round((CHAT_SEATS / AT_ONCE) * 100)} % kept for chat`,
    ),
  ];
}

/** `≥` where the wait is of a message that nobody has answered. */
export function showWaited({ waitedMs }: SideVerdict["chat"]): string {
  return `${waitedMs.atLeast ? "≥ " : ""}${showMs(waitedMs.p99)}`;
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
