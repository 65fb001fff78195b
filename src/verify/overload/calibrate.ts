/**
 * How many calls a second a service can do, found by doubling the rate until it cannot keep up. What it then serves, from
 * the first call to the last reply, is its capacity: beyond that point it works without a pause.
 */

import type { Scenario } from "../scenario/scenario.ts";
import { planOf } from "./book.ts";
import type { LoadCrew, LoadResult } from "./crew.ts";
import type { Target } from "./target.ts";

/** What was found. */
export interface Calibration {
  /** Calls a second. */
  readonly perSecond: number;
  /** False: the service kept up with the most that a generator is trusted with. */
  readonly saturated: boolean;
  readonly steps: readonly CalibrationStep[];
}

/** One rate that was tried. */
export interface CalibrationStep {
  readonly offeredPerSecond: number;
  readonly servedPerSecond: number;
  /** Of the lowest lane. */
  readonly p99Ms: number;
  readonly refused: number;
}

/** How to find it. */
export interface CalibrateOptions {
  readonly scenario: Scenario;
  readonly target: Target;
  readonly crew: LoadCrew;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Told of each rate that was tried. */
  readonly onStep?: (step: CalibrationStep) => void;
}

const FIRST_PER_SECOND = 50;
const STEP_MS = 1_000;
/** One core offers at least so much in time; a service that does more is not found out by one. */
const MOST_PER_SECOND_A_WORKER = 12_000;
/** A service that keeps up is as fast as at the first rate, give or take; one that does not is behind by ever more. */
const SLOWER = { times: 4, plusMs: 100 } as const;
const SHED_PART = 0.02;

/** Tries one rate after another, a second each. Throws when nothing is served at all, with the reason. */
export async function calibrate(options: CalibrateOptions): Promise<Calibration> {
  const { crew, signal } = options;
  const most = MOST_PER_SECOND_A_WORKER * crew.size;
  const steps: CalibrationStep[] = [];
  let rested: number | undefined;
  const fellBehind = async (rate: number): Promise<boolean> => {
    const result = await tryRate(options, rate);
    signal?.throwIfAborted();
    const step = stepOf(result, rate);
    steps.push(step);
    options.onStep?.(step);
    if (step.servedPerSecond === 0) throw new Error(nothingServed(result));
    rested ??= step.p99Ms;
    const offered = result.lanes.reduce((sum, lane) => sum + lane.total("offered"), 0);
    const served = result.lanes.reduce((sum, lane) => sum + lane.total("served"), 0);
    return step.p99Ms > rested * SLOWER.times + SLOWER.plusMs || offered - served > offered * SHED_PART;
  };
  for (let rate = FIRST_PER_SECOND; rate <= most; rate *= 2) {
    // Asked twice, for a pause of the machine looks like a service that is behind.
    if (!(await fellBehind(rate)) || !(await fellBehind(rate))) continue;
    const perSecond = Math.max(...steps.map(({ servedPerSecond }) => servedPerSecond));
    return { perSecond, saturated: true, steps };
  }
  return { perSecond: steps.at(-1)!.offeredPerSecond, saturated: false, steps };
}

/** All lanes alike, for a second: each has its own paths, and reservations that nobody else may use. */
async function tryRate(
  { scenario, target, crew, seed, signal }: CalibrateOptions,
  rate: number,
): Promise<LoadResult> {
  const even = { of: "second", value: rate / scenario.lanes.length } as const;
  const plan = planOf(
    {
      ...scenario,
      phases: [{ name: "calibration", fromMs: 0, untilMs: STEP_MS }],
      lanes: scenario.lanes.map((lane) => ({ ...lane, returns: "none", rates: [{ from: even, to: even }] })),
    },
    target,
    rate,
    seed,
  );
  return await crew.run(plan, seed, signal === undefined ? {} : { signal });
}

function stepOf({ lanes }: LoadResult, rate: number): CalibrationStep {
  const sum = (count: "served" | "refused"): number =>
    lanes.reduce((total, lane) => total + lane.total(count), 0);
  const lastedMs = Math.max(STEP_MS, ...lanes.map(({ lastServedMs }) => lastServedMs));
  const p99Ms = lanes.findLast((lane) => lane.total("served") > 0)?.phases[0]!.latency.quantile(0.99) ?? 0;
  return {
    offeredPerSecond: rate,
    servedPerSecond: sum("served") / (lastedMs / 1_000),
    p99Ms,
    refused: sum("refused"),
  };
}

function nothingServed({ lanes }: LoadResult): string {
  const refused = lanes.reduce((sum, lane) => sum + lane.total("refused"), 0);
  const why = lanes.flatMap(({ errors }) => [...errors.keys()])[0];
  return why ?? (refused > 0 ? "it refused every request" : "it did not answer");
}
