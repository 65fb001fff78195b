/**
 * Closed-loop fairness, measured against weighted max-min. Each flow is so many callers who ask again after each reply,
 * so what a flow may want is bounded: a caller holds `width` seats for the part of its cycle in which it runs, and when
 * nobody else is in its way that part is `run ÷ (run + think)`. That bound is the flow's demand for the solver.
 *
 * The error of a scenario is the largest difference between the seat-time that a flow got and its share, as part of the
 * share. Seats that stand idle (parked for a wide task) are nobody's; how many those are is reported beside.
 */

import type { ResourceOptions } from "../../src/index.ts";
import { FAIRNESS_SCENARIOS } from "./fairness-scenarios.ts";
import type { FairnessScenario, FlowSpec, Spread } from "./fairness-scenarios.ts";
import { maxMinShares } from "./max-min.ts";
import { POLICIES } from "./policies.ts";
import type { PolicyName } from "./policies.ts";
import { play } from "./world.ts";
import type { Drawn, Played, Policy, Stream } from "./world.ts";

/** Nothing is judged before this part of the run. */
const WARM_UP = 0.1;

export interface Fairness {
  /** The largest relative difference from the share. */
  readonly error: number;
  readonly worst: string;
  /** Part of the seats that were in use while they could be. */
  readonly used: number;
}

/** Plays one scenario under a policy and judges it with the solver; `part` shortens it where its flows are steady. */
export async function fairness(input: {
  name: string;
  policy: PolicyName;
  seed: number;
  part?: number;
}): Promise<Fairness> {
  const found = FAIRNESS_SCENARIOS.find(({ name }) => name === input.name);
  if (found === undefined)
    throw new Error(`fairness: expected the name of a scenario, found "${input.name}"`);
  const steady = found.flows.every(({ toMs }) => toMs === undefined);
  const scenario = steady ? { ...found, durationMs: found.durationMs * (input.part ?? 1) } : found;
  return judge(scenario, POLICIES[input.policy], input.seed);
}

async function judge(scenario: FairnessScenario, policy: Policy, seed: number): Promise<Fairness> {
  const { tasks } = await play(
    {
      seed,
      durationMs: scenario.durationMs,
      resource: resourceOf(scenario),
      streams: scenario.flows.map(streamOf),
    },
    policy,
  );
  const phases = phasesOf(scenario);
  const got = new Map<string, number>();
  for (const task of tasks)
    for (const phase of phases) add(got, task.flow, seatMs(task, phase.from, phase.to));
  const inUse = [...got.values()].reduce((sum, seats) => sum + seats, 0);
  const due = new Map<string, number>();
  let most = 0;
  for (const phase of phases) {
    const active = scenario.flows.filter(
      (flow) => (flow.fromMs ?? 0) <= phase.from && (flow.toMs ?? Infinity) >= phase.to,
    );
    const claims = active.map((flow) => ({ weight: flow.weight ?? 1, demand: demandOf(flow) }));
    const shares = maxMinShares(scenario.limit, claims);
    most += shares.reduce((sum, share) => sum + share, 0) * (phase.to - phase.from);
    for (const [i, flow] of active.entries()) add(due, flow.name, shares[i]! * (phase.to - phase.from));
  }
  const used = inUse / most;
  let error = 0;
  let worst = "";
  for (const [name, share] of due) {
    const off = Math.abs((got.get(name) ?? 0) / (share * used) - 1);
    if (off > error) [error, worst] = [off, name];
  }
  return { error, worst, used };
}

function resourceOf(scenario: FairnessScenario): Omit<ResourceOptions, "clock" | "random"> {
  const weights = new Map(scenario.flows.map((flow) => [flow.name, flow.weight ?? 1]));
  const patient = 10 * scenario.durationMs;
  return {
    name: "fair",
    limit: scenario.limit,
    lanes: [{ name: "all", timeoutMs: patient, queue: { max: 100_000, timeoutMs: patient } }],
    flowWeight: (flow) => weights.get(flow) ?? 1,
  };
}

function streamOf(flow: FlowSpec): Stream {
  const { name, callers, fromMs, toMs, width, thinkMs } = flow;
  return {
    lane: "all",
    flow: name,
    callers,
    runMs: drawn(flow.runMs),
    ...(width === undefined ? {} : { width: drawn(width) }),
    ...(thinkMs === undefined ? {} : { thinkMs: drawn(thinkMs) }),
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
  };
}

/** The stretches in which the same flows are active, from the end of the warm-up on. */
function phasesOf(scenario: FairnessScenario): { from: number; to: number }[] {
  const start = scenario.durationMs * WARM_UP;
  const edges = scenario.flows.flatMap(({ fromMs = 0, toMs = scenario.durationMs }) => [fromMs, toMs]);
  const cuts = [...new Set([start, ...edges.filter((edge) => edge > start)])].sort((a, b) => a - b);
  return cuts.slice(1).map((to, i) => ({ from: cuts[i]!, to }));
}

/** Seats that the flow's callers hold on average when nobody is in their way. */
function demandOf({ callers, width = 1, runMs, thinkMs = 0 }: FlowSpec): number {
  const run = meanOf(runMs);
  return (callers * meanOf(width) * run) / (run + meanOf(thinkMs));
}

/** The seat-time of a task inside a stretch of time. */
export function seatMs(task: Played, from: number, to: number): number {
  if (task.startedAt === undefined) return 0;
  const ended = task.endedAt ?? Infinity;
  return task.width * Math.max(0, Math.min(ended, to) - Math.max(task.startedAt, from));
}

function add(sums: Map<string, number>, key: string, amount: number): void {
  sums.set(key, (sums.get(key) ?? 0) + amount);
}

function meanOf(value: number | Spread): number {
  return typeof value === "number" ? value : value.mean;
}

function drawn(value: number | Spread): Drawn {
  return typeof value === "number" ? value : value.draw;
}
