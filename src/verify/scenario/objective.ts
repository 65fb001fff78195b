/** What is promised of a lane, as people write it: `p99 < 300ms`, `success > 99.9% during flood`. */

import { parseDuration, parsePercent } from "../../policy/units.ts";

/** What is measured of a lane. `latency` and `wait` take a quantile, from 0 to 1. */
export type Metric =
  | { readonly kind: "latency" | "wait"; readonly quantile: number }
  | { readonly kind: "success" }
  | { readonly kind: "progress" };

/** What it is held against: a level, or so many times what it was in another phase and something on top. */
export type Bound =
  | { readonly level: number }
  | { readonly times: number; readonly phase: string; readonly plusMs: number };

/** One promise. Levels are milliseconds, a fraction for `success`, calls a second for `progress`. */
export interface Objective {
  /** As it was written. */
  readonly text: string;
  readonly metric: Metric;
  readonly below: boolean;
  readonly bound: Bound;
  /** The phase that it is about; undefined is all of them. */
  readonly during: string | undefined;
}

const FORM =
  /^(?:(?:(wait)\s+)?(?:(p\d{1,2}(?:\.\d+)?)|(wait|success|progress)))\s*([<>]=?)\s*(.+?)(?:\s+during\s+(\S+))?$/;
const RELATIVE = /^(\d+(?:\.\d+)?)x\s+([A-Za-z0-9][\w.-]*)(?:\s*\+\s*(\S+))?$/;

/** The words of a message about what cannot be read. */
export const OBJECTIVE_FORM =
  "an objective such as p99 < 300ms, wait p99 < 50ms, success > 99.9%, progress > 0 or p99 < 1.2x baseline + 10ms, each perhaps with: during PHASE";

/** Reads an objective; undefined when it is none. `wait < 50ms` is about the 99th percentile of the waits. */
export function parseObjective(text: string): Objective | undefined {
  const [whole, waitWord, quantile, word, sign, value, during] = FORM.exec(text.trim()) ?? [];
  if (whole === undefined || value === undefined) return undefined;
  const metric = metricOf(waitWord, quantile, word);
  const bound = metric === undefined ? undefined : boundOf(metric, value.trim());
  const below = sign!.startsWith("<");
  if (metric === undefined || bound === undefined) return undefined;
  // "success < 99 %" and "p99 > 300ms" promise nothing that anyone wants.
  if (below !== (metric.kind === "latency" || metric.kind === "wait")) return undefined;
  return { text: whole, metric, below, bound, during };
}

function metricOf(
  wait: string | undefined,
  quantile: string | undefined,
  word: string | undefined,
): Metric | undefined {
  if (wait !== undefined && word !== undefined) return undefined;
  if (word === "success" || word === "progress") return { kind: word };
  const part = quantile === undefined ? 0.99 : Number(quantile.slice(1)) / 100;
  return { kind: wait === undefined && word === undefined ? "latency" : "wait", quantile: part };
}

function boundOf(metric: Metric, value: string): Bound | undefined {
  if (metric.kind === "success") {
    const percent = parsePercent(value);
    return percent === undefined ? undefined : { level: percent / 100 };
  }
  if (metric.kind === "progress") {
    const found = /^(\d+(?:\.\d+)?)(?:\/s)?$/.exec(value);
    return found === null ? undefined : { level: Number(found[1]) };
  }
  const level = parseDuration(value);
  if (level !== undefined) return { level };
  const relative = RELATIVE.exec(value);
  if (relative === null) return undefined;
  const plusMs = relative[3] === undefined ? 0 : parseDuration(relative[3]);
  return plusMs === undefined ? undefined : { times: Number(relative[1]), phase: relative[2]!, plusMs };
}
