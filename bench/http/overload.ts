/**
 * A real server under more load than it can bear, its limit learned and nothing else configured, beside the same server
 * without lanes. Clients wait for a second and say so; what is served later is served to nobody.
 */

import { beside, over, under } from "../question.ts";
import type { BenchRow } from "../row.ts";
import { overload, perSecond, policyOf } from "./overloaded.ts";
import type { Capacity, LaneLoad, Overloaded } from "./overloaded.ts";

const CAPACITY: Capacity = { workers: 8, serviceMs: 40 };
const WARM_UP_MS = 10_000;
const UNTIL_MS = 20_000;
const TIMES = [2, 5, 10] as const;
/** Without lanes everybody waits to the end: as many connections as a process may have. */
const MOST_WAITING = 15_000;
const STEP_AT_MS = 12_000;
const STEP_UNTIL_MS = 18_000;
const SETTLED_WITHIN = 3;
const BARE = "the same server without Laneway";

const MIX: Readonly<Record<string, number>> = { critical: 0.1, normal: 0.4, bulk: 0.5 };

/** So many times the capacity, in three lanes. */
function loadOf(times: number, fromMs: number, untilMs: number): LaneLoad[] {
  const all = times * perSecond(CAPACITY);
  return Object.entries(MIX).map(([lane, part]) => ({ lane, perSecond: all * part, fromMs, untilMs }));
}

/** Requests served in time, in per cent of what the server can do. */
function goodput({ requests }: Overloaded, fromMs: number, untilMs: number): number {
  const good = requests.filter(({ isGood, dueMs, latencyMs }) => {
    const at = dueMs + latencyMs;
    return isGood && at >= fromMs && at < untilMs;
  });
  return (100_000 * good.length) / (perSecond(CAPACITY) * (untilMs - fromMs));
}

async function goodputRows(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const times of TIMES) {
    const bareUntilMs = Math.min(UNTIL_MS, (1_000 * MOST_WAITING) / (times * perSecond(CAPACITY)));
    // One after the other: at ten times the load two servers and two generators are more than two cores bear.
    const laned = await overload("lanes", CAPACITY, policyOf("adaptive"), loadOf(times, 0, UNTIL_MS));
    const bare = await overload("none", CAPACITY, "", loadOf(times, 0, bareUntilMs));
    const ours = goodput(laned, WARM_UP_MS, UNTIL_MS);
    const theirs = goodput(bare, bareUntilMs / 2, bareUntilMs);
    const question = `a server at ${times}× its capacity, its limit learned: served in time, of its capacity`;
    rows.push(over(question, ours, 95, "%"), beside({ question, ours, peer: BARE, theirs, unit: "%" }));
  }
  return rows;
}

/** How long after the step the line at the workers is no longer, on average over a service time, than it stays. */
function settlesAfterMs({ line }: Overloaded): number {
  const mean = (fromMs: number, untilMs: number): number => {
    const seen = line.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs);
    return seen.reduce((sum, { length }) => sum + length, 0) / Math.max(1, seen.length);
  };
  const { workers, serviceMs } = CAPACITY;
  // Poisson arrivals let a line of a few come and go at any load.
  const bound = 1.25 * mean(STEP_UNTIL_MS - 2_000, STEP_UNTIL_MS) + workers / 2;
  let settled = STEP_AT_MS;
  for (let at = STEP_AT_MS; at < STEP_UNTIL_MS; at += serviceMs)
    if (mean(at, at + serviceMs) > bound) settled = at + serviceMs;
  return settled - STEP_AT_MS;
}

async function stepRows(): Promise<BenchRow[]> {
  const load = [...loadOf(0.9, 0, STEP_AT_MS), ...loadOf(1.4, STEP_AT_MS, STEP_UNTIL_MS)];
  const laned = await overload("lanes", CAPACITY, policyOf("adaptive"), load);
  const bare = await overload("none", CAPACITY, "", load);
  const question = "a step to 1.4× the capacity: until the line at the workers is stable";
  const longest = ({ line }: Overloaded): number => Math.max(...line.map(({ length }) => length));
  return [
    under(question, settlesAfterMs(laned), SETTLED_WITHIN * CAPACITY.serviceMs, "ms"),
    beside({
      question: "a step to 1.4× the capacity: the longest line at the workers",
      ours: longest(laned),
      peer: BARE,
      theirs: longest(bare),
      unit: "requests",
    }),
  ];
}

/** Runs all; takes three minutes. */
export async function overloadRows(): Promise<BenchRow[]> {
  return [...(await goodputRows()), ...(await stepRows())];
}
