/** One arrival of a recording, from the array that it is in the file to its place in the columns. */

import type { Arrivals } from "./arrivals.ts";
import { OUTCOMES } from "./format.ts";
import type { Column } from "./format.ts";

const REQUIRED: readonly Column[] = ["at", "resource", "lane", "flow", "width", "waitMs", "runMs", "outcome"];
const OUTCOME_NUMBERS: ReadonlyMap<unknown, number> = new Map(OUTCOMES.map((name, number) => [name, number]));
const NAMES_MAX = 10_000;
const REASONS_MAX = 250;
const MS = "milliseconds from 0 up";

/** Reads arrays in the order of a header's columns; columns that it does not know are passed over. */
export class RowReader {
  readonly #into: Arrivals;
  readonly #place: Readonly<Record<Column, number>>;

  /** What is wrong with a header's columns; undefined when nothing is. */
  static problemOf(columns: unknown): string | undefined {
    const isList = Array.isArray(columns) && columns.every((column) => typeof column === "string");
    if (!isList) return "columns: expected the names of the columns";
    const missing = REQUIRED.filter((column) => !columns.includes(column));
    return missing.length === 0 ? undefined : `columns: expected ${missing.join(", ")} among them`;
  }

  constructor(into: Arrivals, columns: readonly string[]) {
    this.#into = into;
    const at = (column: Column): number => columns.indexOf(column);
    this.#place = {
      at: at("at"),
      resource: at("resource"),
      lane: at("lane"),
      flow: at("flow"),
      width: at("width"),
      waitMs: at("waitMs"),
      runMs: at("runMs"),
      outcome: at("outcome"),
      reason: at("reason"),
      requestBytes: at("requestBytes"),
      replyBytes: at("replyBytes"),
      timeoutMs: at("timeoutMs"),
      budget: at("budget"),
      inputTokens: at("inputTokens"),
      outputTokens: at("outputTokens"),
    };
  }

  /** Adds the arrival; the problem when it cannot be read, and nothing is added then. */
  read(row: readonly unknown[], offsetMs: number): string | undefined {
    const place = this.#place;
    const at = row[place.at];
    const resource = row[place.resource];
    const lane = row[place.lane];
    const flow = row[place.flow];
    const width = row[place.width];
    const waitMs = row[place.waitMs];
    const runMs = row[place.runMs];
    const outcome = OUTCOME_NUMBERS.get(row[place.outcome]);
    if (!isMs(at)) return wrong("at", MS, at);
    if (typeof resource !== "string") return wrong("resource", "a name", resource);
    if (typeof lane !== "string") return wrong("lane", "a name", lane);
    if (typeof flow !== "string") return wrong("flow", "a hash", flow);
    if (!isMs(width) || width < 1 || !Number.isInteger(width))
      return wrong("width", "seats from 1 up", width);
    if (!isMs(waitMs)) return wrong("waitMs", MS, waitMs);
    if (!isMs(runMs)) return wrong("runMs", MS, runMs);
    if (outcome === undefined) return wrong("outcome", `one of ${OUTCOMES.join(", ")}`, row[place.outcome]);
    const into = this.#into;
    if (into.resources.list.length > NAMES_MAX || into.lanes.list.length > NAMES_MAX)
      return `expected at most ${NAMES_MAX} different resources and lanes, found more`;
    const index = into.add();
    into.atMs[index] = offsetMs + at;
    into.resource[index] = into.resources.of(resource);
    into.lane[index] = into.lanes.of(lane);
    into.flow[index] = into.flows.of(flow);
    into.width[index] = width;
    into.waitMs[index] = waitMs;
    into.runMs[index] = runMs;
    into.outcome[index] = outcome;
    this.#readRest(row, index);
    return undefined;
  }

  /** Columns that may be unknown: what is no number of theirs is taken for that. */
  #readRest(row: readonly unknown[], index: number): void {
    const into = this.#into;
    const place = this.#place;
    const reason = row[place.reason];
    const budget = row[place.budget];
    into.reason[index] =
      typeof reason === "string" && into.reasons.list.length < REASONS_MAX ? into.reasons.of(reason) : 0;
    // Beyond so many they share one: they come from models that callers name.
    const named = into.budgets.list.length > NAMES_MAX ? "" : budget;
    into.budget[index] = typeof budget === "string" ? into.budgets.of(String(named)) : 0;
    into.timeoutMs[index] = numberOr(row[place.timeoutMs]);
    into.inputTokens[index] = numberOr(row[place.inputTokens]);
    into.outputTokens[index] = numberOr(row[place.outputTokens]);
  }
}

function isMs(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < Infinity;
}

function numberOr(value: unknown): number {
  return isMs(value) ? value : NaN;
}

function wrong(column: Column, expected: string, found: unknown): string {
  return `${column}: expected ${expected}, found ${found === undefined ? "nothing" : JSON.stringify(found)}`;
}
