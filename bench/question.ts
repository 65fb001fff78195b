import type { BenchRow } from "./row.ts";

/** One thing measured for a question: us or a peer, at one size. Runs in a process of its own. */
export interface Case {
  /** Options of `node` that it needs, `--expose-gc` say. */
  readonly flags?: readonly string[];
  /** True when every run gives the same figure, so that one is enough. */
  readonly exact?: boolean;
  measure(): number | Promise<number>;
}

/** One question, its cases, and what their figures answer. */
export interface Question {
  /** The question as a reader would ask it. */
  readonly asks: string;
  readonly unit: string;
  readonly cases: Readonly<Record<string, Case>>;
  /** `of` gives the median of the rounds of a case, by its name. */
  rows(of: (name: string) => number): BenchRow[];
}

type Compared = Omit<BenchRow, "ratio" | "bar" | "met">;

/** A row with the bar that ours is at most so many times theirs. */
export function atMost(row: Compared, most: number, bar = `≤ ${most}×`): BenchRow {
  const ratio = row.ours / row.theirs;
  return { ...row, ratio, bar, met: ratio <= most };
}

/** A row with the bar that ours is less than theirs. */
export function ahead(row: Compared): BenchRow {
  return { ...atMost(row, 1, "ahead"), met: row.ours < row.theirs };
}

/** A row that only shows a peer beside us. */
export function beside(row: Compared): BenchRow {
  return { ...row, ratio: row.ours / row.theirs, bar: "", met: undefined };
}

/** A row whose bar is a figure of its own: the most that ours may be. */
export function under(question: string, ours: number, most: number, unit: string): BenchRow {
  return atMost({ question, ours, peer: "the bar", theirs: most, unit }, 1, `≤ ${most} ${unit}`);
}

/** A row whose bar is the least that ours may be. */
export function over(question: string, ours: number, least: number, unit: string): BenchRow {
  const ratio = ours / least;
  return {
    question,
    ours,
    peer: "the bar",
    theirs: least,
    unit,
    ratio,
    bar: `≥ ${least} ${unit}`,
    met: ratio >= 1,
  };
}

/** The middle of some figures; of an even number the lower one of the two. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted[(sorted.length - 1) >> 1];
  if (middle === undefined) throw new Error("median: expected at least one figure, found none");
  return middle;
}

/**
 * Microseconds of processor time that this process has used, its garbage collector's threads included. What else the
 * machine does in the same time does not count, so that figures from a shared machine can be compared; and what a
 * library leaves to the collector does.
 */
export function workedMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
