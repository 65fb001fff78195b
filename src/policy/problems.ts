/** What is wrong with a policy, in the words and the place where its author will look for it. */

import { LanewayError } from "../core/errors.ts";

/** One thing that is wrong. Lines and columns count from 1. */
export interface PolicyProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** The line of the file, secrets masked. */
  readonly source: string;
  /** Where in `source` the caret goes, from 0, and how many characters it is about, at least 1. */
  readonly caret: number;
  readonly length: number;
  /** What to write instead. */
  readonly hint: string | undefined;
}

/**
 * A policy that cannot be used. `problems` holds everything that is wrong with it, in the order of the lines; the
 * message is all of them, as `laneway check` prints them. `code` is `LANEWAY_INVALID`.
 *
 * @example
 * try { await loadPolicy("laneway.yaml"); }
 * catch (error) { if (error instanceof PolicyError) for (const { line, message } of error.problems) report(line, message); }
 */
export class PolicyError extends LanewayError {
  readonly file: string;
  readonly problems: readonly PolicyProblem[];

  constructor(file: string, problems: readonly PolicyProblem[]) {
    super(problems.map((problem) => formatProblem(file, problem)).join("\n"), {
      code: "LANEWAY_INVALID",
      reason: "invalid",
    });
    this.name = "PolicyError";
    this.file = file;
    this.problems = problems;
  }
}

/** The widest piece of a source line that is shown; a long flow-style rule is cut around its caret. */
const SOURCE_WIDTH = 90;

/** `file:line:column: message`, the source line, and a caret with the hint. */
export function formatProblem(file: string, problem: PolicyProblem): string {
  const { line, column, message, hint } = problem;
  const head = `${file}:${line}:${column}: ${message}`;
  const suffix = hint === undefined ? "" : ` ${hint}`;
  const { text, caret } = clip(problem.source, problem.caret);
  if (text.trim() === "") return hint === undefined ? head : `${head};${suffix}`;
  const margin = String(line).padStart(5);
  const carets = "^".repeat(Math.max(1, Math.min(problem.length, text.length - caret)));
  return `${head}\n${margin} | ${text}\n${" ".repeat(5)} | ${" ".repeat(caret)}${carets}${suffix}`;
}

function clip(source: string, offset: number): { text: string; caret: number } {
  // A tab would move the caret by an unknown width.
  const text = source.replaceAll("\t", " ").trimEnd();
  if (text.length <= SOURCE_WIDTH) return { text, caret: offset };
  const start = Math.max(0, Math.min(offset - 30, text.length - SOURCE_WIDTH));
  const end = Math.min(text.length, start + SOURCE_WIDTH);
  const left = start > 0 ? "…" : "";
  return {
    text: `${left}${text.slice(start, end)}${end < text.length ? "…" : ""}`,
    caret: offset - start + left.length,
  };
}
