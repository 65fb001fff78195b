/**
 * Clients that obey retry-after, after a finite spike that overflows a lane's queue.
 *
 * How early could they have come back? A client gains nothing by returning before there is a seat for it: it would only
 * wait in the queue instead of at home. So the earliest possible return of a task is the instant at which a perfect
 * schedule starts it: one that refuses nobody, leaves no seat idle, and serves the same tasks in the order in which they
 * came. It is found by playing the same arrivals against the same scheduler with a queue that takes everybody.
 */

import type { ResourceOptions } from "../../src/index.ts";
import { POLICIES } from "./policies.ts";
import type { PolicyName } from "./policies.ts";
import { play } from "./world.ts";
import type { Played, Stream } from "./world.ts";

const LIMIT = 20;
const RUN_MS = 100;
const DURATION_MS = 120_000;
const PATIENT_MS = 600_000;
const SPIKE = { fromMs: 20_000, toMs: 22_000 };

interface Setting {
  readonly lane: string;
  readonly queueMax: number;
  readonly spikePerSecond: number;
  /** Steady load beside it, before, during and after; parts of the capacity. */
  readonly steady: Readonly<Record<string, number>>;
  readonly exponential?: boolean;
}

export const SETTINGS: Readonly<Record<string, Setting>> = {
  "a lane alone": { lane: "normal", queueMax: 1_000, spikePerSecond: 2_000, steady: { normal: 0.05 } },
  "a short queue": { lane: "normal", queueMax: 200, spikePerSecond: 2_000, steady: { normal: 0.05 } },
  "exponential runs": {
    lane: "normal",
    queueMax: 1_000,
    spikePerSecond: 2_000,
    steady: { normal: 0.05 },
    exponential: true,
  },
  "higher lanes busy beside it": {
    lane: "normal",
    queueMax: 1_000,
    spikePerSecond: 1_500,
    steady: { critical: 0.2, high: 0.2, normal: 0.05 },
  },
  "the lowest lane under all others": {
    lane: "bulk",
    queueMax: 1_000,
    spikePerSecond: 1_000,
    steady: { critical: 0.2, high: 0.1, normal: 0.1, low: 0.1, bulk: 0.02 },
  },
  "newcomers of its own go on": {
    lane: "normal",
    queueMax: 1_000,
    spikePerSecond: 1_500,
    steady: { critical: 0.1, normal: 0.3 },
  },
};

export type Reading = "milliseconds" | "whole seconds";

/** How clients read the hint: HTTP speaks in whole seconds, rounded up, from 1 to 59. */
export const READINGS: Readonly<Record<Reading, (ms: number) => number>> = {
  milliseconds: (ms) => ms,
  "whole seconds": (ms) => Math.min(59, Math.max(1, Math.ceil(ms / 1_000))) * 1_000,
};

export interface Returned {
  readonly refused: number;
  /** Part of those that was admitted the first time that they came back. */
  readonly admittedFirst: number;
  /** Mean time until they came back ÷ mean time until they could have. */
  readonly late: number;
}

export async function returns(input: {
  policy: PolicyName;
  setting: string;
  reading: Reading;
  seed: number;
}): Promise<Returned> {
  const setting = SETTINGS[input.setting]!;
  const policy = POLICIES[input.policy];
  const scenario = {
    seed: input.seed,
    durationMs: DURATION_MS,
    streams: streamsOf(setting, READINGS[input.reading]),
  };
  const { tasks } = await play({ ...scenario, resource: resourceOf(setting, setting.queueMax) }, policy);
  const perfect = await play({ ...scenario, resource: resourceOf(setting, 1_000_000) }, POLICIES.laneway);
  const earliest = startsByArrival(perfect.tasks, setting.lane);
  let [refused, admitted, waited, possible] = [0, 0, 0, 0];
  for (const [nth, task] of ofLane(tasks, setting.lane).entries()) {
    const [first, second] = task.attempts;
    if (second === undefined) continue;
    refused++;
    if (task.attempts.length === 2 && task.served) admitted++;
    waited += second.at - first!.at;
    possible += earliest[nth]! - first!.at;
  }
  return { refused, admittedFirst: admitted / refused, late: waited / possible };
}

function streamsOf(setting: Setting, comesBackAfter: (ms: number) => number): Stream[] {
  const runMs: Stream["runMs"] = (random) =>
    setting.exponential === true ? random.exponential(RUN_MS) : RUN_MS * (0.5 + random.next());
  const perSecond = (LIMIT * 1_000) / RUN_MS;
  const obedient = { runMs, comesBackAfter, returnsMax: 10 };
  return [
    ...Object.entries(setting.steady).map(([lane, part]): Stream => ({
      lane,
      ratePerSecond: part * perSecond,
      ...obedient,
    })),
    { lane: setting.lane, ratePerSecond: setting.spikePerSecond, ...SPIKE, ...obedient },
  ];
}

function resourceOf(setting: Setting, max: number): Omit<ResourceOptions, "clock" | "random"> {
  const lanes = DEFAULT_SHARES.map((lane) => ({
    ...lane,
    timeoutMs: PATIENT_MS,
    queue: { timeoutMs: PATIENT_MS, max: lane.name === setting.lane ? max : 10_000 },
  }));
  return { name: "spiked", limit: LIMIT, lanes };
}

const DEFAULT_SHARES = [
  { name: "critical", reservation: "40%", lendable: "50%" },
  { name: "high", reservation: "30%" },
  { name: "normal", reservation: "20%" },
  { name: "low", reservation: "10%" },
  { name: "bulk" },
] as const;

/** The tasks of a lane in the order in which they came: the same for every policy, for the streams are open. */
function ofLane(tasks: readonly Played[], lane: string): Played[] {
  return tasks.filter((task) => task.lane === lane);
}

function startsByArrival(tasks: readonly Played[], lane: string): number[] {
  return ofLane(tasks, lane).map(({ startedAt = DURATION_MS }) => startedAt);
}
