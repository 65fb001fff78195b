/** The report for people: by resource, one line where all is well, and what is not in full. */

import { data, paint } from "../output.ts";
import { GROUPS } from "./finding.ts";
import type { Finding, Group } from "./finding.ts";
import { lossWords } from "./lanes.ts";
import type { LaneLoss } from "./lanes.ts";

/** What is shown. */
export interface Report {
  readonly findings: readonly Finding[];
  readonly lanes: readonly LaneLoss[];
  /** The policy's file; undefined: there is none. */
  readonly file: string | undefined;
  /** Also what is well, and what is seldom wanted. */
  readonly all: boolean;
}

const MARKS = { yes: "yes", partly: "partly", no: "no", problem: "PROBLEM", none: "–" } as const;
const COLOURS = { yes: "green", partly: "yellow", no: "yellow", problem: "red", none: "dim" } as const;
const BADNESS = ["problem", "no", "partly", "yes"] as const;

const GROUP_WIDTH = Math.max(...GROUPS.map((group) => group.length)) + 2;
const MARK_WIDTH = "PROBLEM".length + 2;
const INDENT = " ".repeat(GROUP_WIDTH + MARK_WIDTH);
const WIDEST = 100;
const USUAL_WIDTH = 80;

/** Writes the report. */
export function show({ findings, lanes, file, all }: Report): void {
  for (const group of GROUPS) {
    const own = findings.filter((finding) => finding.group === group);
    const shown = all ? own : own.filter(({ state, minor }) => state !== "yes" && minor !== true);
    if (shown.length > 0) showGroup(group, shown);
    else if (own.length > 0) showWell(group, own);
  }
  for (const [index, loss] of lanes.entries())
    write(index === 0 ? "lanes" : "", undefined, `${lossWords(loss)}${all ? `, in ${loss.folder}` : ""}`);
  data("");
  if (!all) data(`laneway doctor --all lists all ${findings.length} findings.`);
  data(verdict(findings, file));
}

function showGroup(group: Group, findings: readonly Finding[]): void {
  const sorted = findings.toSorted((a, b) => BADNESS.indexOf(a.state) - BADNESS.indexOf(b.state));
  for (const [index, { topic, state, found, why, fix }] of sorted.entries()) {
    write(index === 0 ? group : "", state, `${topic}: ${found}${why === undefined ? "" : `; ${why}`}`);
    if (fix !== undefined && state !== "yes") writeMore(`fix: ${fix}`);
  }
}

/** What works there, in a line; what most hosts lack does not count. */
function showWell(group: Group, findings: readonly Finding[]): void {
  const topics = findings
    .filter(({ minor }) => minor !== true)
    .map(({ topic }) => topic.replace(/ \(.*\)$/, ""));
  if (topics.length > 0) write(group, "yes", topics.join(", "));
  else write(group, "none", findings[0]!.found);
}

function verdict(findings: readonly Finding[], file: string | undefined): string {
  const problems = findings.filter(({ state }) => state === "problem").length;
  if (problems > 0) {
    const things = problems === 1 ? "1 thing" : `${problems} things`;
    return paint(process.stdout, "red", `${file ?? "Somebody"} asks for ${things} that cannot be had here.`);
  }
  return file === undefined ? "No policy here: nothing is asked for." : `${file} asks for nothing in vain.`;
}

function write(group: string, state: keyof typeof MARKS | undefined, text: string): void {
  const mark = state === undefined ? "" : MARKS[state];
  const painted = state === undefined ? mark : paint(process.stdout, COLOURS[state], mark);
  const [first = "", ...rest] = wrapped(text);
  data(`${group.padEnd(GROUP_WIDTH)}${painted}${" ".repeat(MARK_WIDTH - mark.length)}${first}`.trimEnd());
  for (const line of rest) data(`${INDENT}${line}`);
}

function writeMore(text: string): void {
  for (const line of wrapped(text)) data(`${INDENT}${line}`);
}

function wrapped(text: string): string[] {
  const width = Math.min(process.stdout.columns ?? USUAL_WIDTH, WIDEST) - INDENT.length;
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
