/** How much load is made at most, whatever is asked for. */

import { availableParallelism } from "node:os";
import { perSecond } from "../../verify/scenario/rate.ts";
import type { Scenario } from "../../verify/scenario/scenario.ts";

/** One core offers so many calls a second in time. */
const PER_WORKER = 20_000;
const RATE_MAX = 200_000;
const CALLS_MAX = 10_000_000;
const DURATION_MAX_MS = 600_000;

/** What a scenario asks of a service that can do `capacity` calls a second, all lanes together. */
export interface Demand {
  readonly mostPerSecond: number;
  readonly calls: number;
}

/** Adds up the rates of all lanes, phase by phase. */
export function demandOf({ phases, lanes }: Scenario, capacity: number): Demand {
  let mostPerSecond = 0;
  let calls = 0;
  for (const [at, { fromMs, untilMs }] of phases.entries()) {
    const sum = (end: "from" | "to"): number =>
      lanes.reduce((total, { rates }) => total + perSecond(rates[at]![end], capacity), 0);
    mostPerSecond = Math.max(mostPerSecond, sum("from"), sum("to"));
    calls += ((sum("from") + sum("to")) / 2) * ((untilMs - fromMs) / 1_000);
  }
  return { mostPerSecond, calls };
}

/** Why a scenario is too much, in words; undefined when it is not. */
export function tooMuch(scenario: Scenario, capacity: number): string | undefined {
  const { mostPerSecond, calls } = demandOf(scenario, capacity);
  const lastsMs = scenario.phases.at(-1)!.untilMs;
  if (lastsMs > DURATION_MAX_MS) return `expected phases of at most 10m together, found ${lastsMs / 1_000} s`;
  if (mostPerSecond > RATE_MAX)
    return `expected at most ${RATE_MAX} calls a second in all, found ${Math.round(mostPerSecond)}: lower --rate`;
  if (calls > CALLS_MAX)
    return `expected at most ${CALLS_MAX} calls in all, found ${Math.round(calls)}: shorten it, or lower --rate`;
  return calls < 1 ? "expected at least one call: no lane asks for anything" : undefined;
}

/** How many threads send so many calls a second. One processor is left to the service where there are two. */
export function workersFor(mostPerSecond: number): number {
  const spare = Math.max(1, availableParallelism() - 1);
  return Math.min(spare, Math.max(1, Math.ceil(mostPerSecond / PER_WORKER)));
}
