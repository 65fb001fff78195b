/** What the benchmarks found, as a table for the terminal and as the page BENCHMARKS.md. */

import { availableParallelism, cpus, totalmem } from "node:os";
import { median } from "./question.ts";
import { reasonFor } from "./reasons.ts";
import type { BenchRow } from "./row.ts";

/** One question with everything that was measured for it. */
export interface Answer {
  readonly name: string;
  readonly asks: string;
  readonly unit: string;
  /** The figure of each round, by case. */
  readonly figures: Readonly<Record<string, readonly number[]>>;
  readonly rows: readonly BenchRow[];
}

/** Peers that are a bound of what can be done, not something to choose instead of us. */
const BOUNDS = new Set([
  "floor",
  "bare FIFO",
  "the bar",
  "abort() alone",
  "the least of them",
  "the upstream without a proxy",
  "bare node:http + undici dispatch proxy",
  "before the load came",
  "nobody reads them",
]);

/** Of most figures less is better; of these, more. */
const MORE_IS_BETTER = new Set(["requests/s", "%"]);

/** For the terminal: one line a row, the bars at the end. */
export function table(rows: readonly BenchRow[]): string {
  const lines = rows.map((row) => [
    row.question,
    figure(row.ours, row.unit),
    row.peer,
    figure(row.theirs, row.unit),
    ratio(row),
    verdict(row),
  ]);
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]!.length))) ?? [];
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The page, from the answers to all questions. */
export function page(answers: readonly Answer[], at: Date): string {
  const rows = answers.flatMap((answer) => answer.rows);
  const bars = rows.filter(({ met }) => met !== undefined);
  const missed = bars.filter(({ met }) => met === false);
  return [
    "# Benchmarks",
    "",
    `Written by \`npm run bench\` on ${at.toISOString().slice(0, 10)}; change nothing here by hand.`,
    "",
    `- Machine: ${cpus()[0]?.model.trim() ?? "unknown"}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.version}, ${process.platform} ${process.arch}.`,
    "- The rows of one question come from one run, peers beside us; each figure comes from processes of its own, five for each case, cases taking turns; the median counts. Times of a library are processor time of its whole process, the garbage collector's threads included: what else the machine does matters less, and what a library leaves to the collector counts. Simulations and counted steps give the same figure each time and run once.",
    "- Read ratios, not nanoseconds: another machine has other nanoseconds.",
    "",
    `**${bars.length - missed.length} of ${bars.length} bars met.**`,
    "",
    ...whyMissed(missed),
    ...whoWins(rows),
    ...answers.filter((answer) => answer.rows.length > 0).flatMap(section),
  ].join("\n");
}

/** Which bars are missed, and what stops it: one line for those that share a reason. */
function whyMissed(missed: readonly BenchRow[]): string[] {
  if (missed.length === 0) return [];
  const byReason = new Map<string, string[]>();
  for (const row of missed) {
    const reason = reasonFor(row.question);
    const what = row.peer === "the bar" ? row.question : `${row.question} (beside ${row.peer})`;
    byReason.set(reason, [...(byReason.get(reason) ?? []), `${what}, ${found(row)}`]);
  }
  return [
    "Not met, and what stops it:",
    "",
    ...[...byReason].map(([reason, rows]) => `- **${rows.join("; ")}**: ${reason}`),
    "",
  ];
}

function found(row: BenchRow): string {
  const value = row.peer === "the bar" ? figure(row.ours, row.unit) : ratio(row);
  return `${value} where ${row.bar} was asked`;
}

/** Where somebody would be faster without us, said plainly. */
function whoWins(rows: readonly BenchRow[]): string[] {
  const ahead = rows.filter(
    ({ peer, unit, ours, theirs, ratio: times }) =>
      Number.isFinite(times) &&
      (MORE_IS_BETTER.has(unit) ? ours < theirs : ours > theirs) &&
      !BOUNDS.has(peer),
  );
  if (ahead.length === 0) return [];
  return [
    "Where a peer wins:",
    "",
    ...ahead.map(
      (row) =>
        `- ${row.question}: ${row.peer} ${figure(row.theirs, row.unit)}, Laneway ${figure(row.ours, row.unit)}.`,
    ),
    "",
  ];
}

function section({ asks, unit, figures, rows }: Answer): string[] {
  const measured = Object.entries(figures).filter(([, rounds]) => rounds.length > 1);
  return [
    `## ${asks}`,
    "",
    "| what | Laneway | beside | theirs | ratio | bar | |",
    "| --- | ---: | --- | ---: | ---: | --- | --- |",
    ...rows.map((row) => {
      const isBar = row.peer === "the bar";
      const cells = [
        row.question,
        figure(row.ours, row.unit),
        isBar ? "" : row.peer,
        isBar ? "" : figure(row.theirs, row.unit),
        isBar ? "" : ratio(row),
      ];
      return `| ${[...cells, row.bar, outcome(row)].join(" | ")} |`;
    }),
    "",
    ...(measured.length === 0 ? [] : ["| measured | median | least to most |", "| --- | ---: | ---: |"]),
    ...measured.map(
      ([name, rounds]) =>
        `| ${name} | ${figure(median(rounds), unit)} | ${figure(Math.min(...rounds), "")} to ${figure(Math.max(...rounds), unit)} |`,
    ),
    ...(measured.length === 0 ? [] : [""]),
  ];
}

function verdict(row: BenchRow): string {
  return row.met === undefined ? "" : `${row.bar}: ${outcome(row)}`;
}

function outcome({ met }: BenchRow): string {
  if (met === undefined) return "";
  return met ? "met" : "NOT MET";
}

/** Beside a peer that got nothing done there is none; answers that were kept have a null for it then. */
function ratio({ theirs, ratio: times }: BenchRow): string {
  // What costs next to nothing may be measured below it.
  if (!Number.isFinite(times) || theirs < 0) return "–";
  return `${times.toPrecision(3)}×`;
}

function figure(value: number, unit: string): string {
  const text =
    Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
  return unit === "" ? text : `${text} ${unit}`;
}
