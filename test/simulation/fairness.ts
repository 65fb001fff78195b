/**
 * Closed-loop fairness, measured against weighted max-min. Each flow is so many callers who ask again after each reply,
 * so what a flow may want is bounded: a caller holds `width` seats for the part of its cycle in which it runs, and when
 * nobody else is in its way that part is `run ÷ (run + think)`. That bound is the flow's demand for the solver.
 *
 * The error of a scenario is the largest difference between the seat-time that a flow got and its share, as part of the
 * share. Seats that stand idle (parked for a wide task) are nobody's; how many those are is reported beside.
 */

import type { ResourceOptions } from "../../src/index.ts";
import type { Random } from "../../src/testing/index.ts";
import { maxMinShares } from "./max-min.ts";
import { POLICIES } from "./policies.ts";
import type { PolicyName } from "./policies.ts";
import { play } from "./world.ts";
import type { Drawn, Played, Policy, Stream } from "./world.ts";

/** A random quantity with its mean, which the solver needs. */
export interface Spread {
  readonly mean: number;
  readonly draw: (random: Random) => number;
}

export interface FlowSpec {
  readonly name: string;
  readonly callers: number;
  readonly width?: number | Spread;
  readonly runMs: number | Spread;
  readonly thinkMs?: number | Spread;
  readonly weight?: number;
  readonly fromMs?: number;
  readonly toMs?: number;
}

export interface FairnessScenario {
  readonly name: string;
  /** Equal tasks: at most 1 % error; mixed widths or durations: at most 5 %. */
  readonly tasks: "equal" | "mixed";
  readonly limit: number;
  readonly flows: readonly FlowSpec[];
  readonly durationMs: number;
}

/** Nothing is judged before this part of the run. */
const WARM_UP = 0.1;

export const exponential = (mean: number): Spread => ({ mean, draw: (random) => random.exponential(mean) });
export const uniform = (least: number, most: number): Spread => ({
  mean: (least + most) / 2,
  draw: (random) => least + random.next() * (most - least),
});
const oneOf = (...values: number[]): Spread => ({
  mean: values.reduce((sum, value) => sum + value, 0) / values.length,
  draw: (random) => random.pick(values),
});
/** Mostly short, sometimes very long: one in twenty. */
const heavyTailed = (short: number, long: number): Spread => ({
  mean: 0.95 * short + 0.05 * long,
  draw: (random) => (random.next() < 0.05 ? long : short),
});
/**
 * Long beside a run of 20 ms: whoever arrives while all seats are taken waits for the next to come free, whatever the
 * policy, and when all run in step that is half a run. The solver knows nothing of it, so it must not matter.
 */
const LONG_PAUSE = uniform(2_280, 2_680);
const many = (count: number, spec: Omit<FlowSpec, "name">): FlowSpec[] =>
  Array.from({ length: count }, (_, n) => ({ name: `small-${n}`, ...spec }));

export const FAIRNESS_SCENARIOS: readonly FairnessScenario[] = [
  {
    name: "a flow with forty callers and one with four",
    tasks: "equal", limit: 4, durationMs: 30_000,
    flows: [{ name: "many", callers: 40, runMs: 100 }, { name: "few", callers: 4, runMs: 100 }],
  },
  {
    name: "three flows of five, twenty and eighty callers",
    tasks: "equal", limit: 8, durationMs: 30_000,
    flows: [{ name: "a", callers: 5, runMs: 100 }, { name: "b", callers: 20, runMs: 100 }, { name: "c", callers: 80, runMs: 100 }],
  },
  {
    name: "nine flows and one with five hundred callers",
    tasks: "equal", limit: 10, durationMs: 20_000,
    flows: [...many(9, { callers: 4, runMs: 50 }), { name: "hog", callers: 500, runMs: 50 }],
  },
  {
    name: "weights of one, two and four, the same callers",
    tasks: "equal", limit: 14, durationMs: 30_000,
    flows: [1, 2, 4].map((weight) => ({ name: `w${weight}`, callers: 30, runMs: 100, weight })),
  },
  {
    name: "the heavier the weight, the fewer the callers",
    tasks: "equal", limit: 10, durationMs: 30_000,
    flows: [{ name: "heavy", callers: 15, runMs: 100, weight: 5 }, { name: "light", callers: 150, runMs: 100, weight: 1 }],
  },
  {
    name: "two hundred small flows and one large",
    tasks: "equal", limit: 20, durationMs: 100_000,
    flows: [...many(200, { callers: 2, runMs: 50 }), { name: "large", callers: 800, runMs: 50 }],
  },
  {
    name: "five hundred flows, most of them waiting, and one large",
    tasks: "equal", limit: 20, durationMs: 500_000,
    flows: [...many(500, { callers: 1, runMs: 100 }), { name: "large", callers: 1_000, runMs: 100 }],
  },
  {
    name: "a flow that wants less than its share leaves the rest to the others",
    tasks: "equal", limit: 10, durationMs: 200_000,
    flows: [
      { name: "modest", callers: 124, runMs: 20, thinkMs: LONG_PAUSE },
      { name: "a", callers: 20, runMs: 20 },
      { name: "b", callers: 100, runMs: 20 },
    ],
  },
  {
    name: "three levels of demand under two that take what is left",
    tasks: "equal", limit: 20, durationMs: 200_000,
    flows: [
      { name: "tiny", callers: 62, runMs: 20, thinkMs: LONG_PAUSE },
      { name: "small", callers: 250, runMs: 20, thinkMs: LONG_PAUSE },
      { name: "medium", callers: 500, runMs: 20, thinkMs: LONG_PAUSE },
      { name: "open", callers: 60, runMs: 20 },
      { name: "wide open", callers: 300, runMs: 20 },
    ],
  },
  {
    name: "a flow that comes and goes saves nothing up",
    tasks: "equal", limit: 8, durationMs: 150_000,
    flows: [
      { name: "steady", callers: 20, runMs: 50 },
      { name: "hog", callers: 200, runMs: 50 },
      { name: "bursty", callers: 12, runMs: 50, fromMs: 50_000, toMs: 100_000 },
    ],
  },
  {
    name: "five waves of ten seconds, one after another",
    tasks: "equal", limit: 6, durationMs: 200_000,
    flows: [
      { name: "steady", callers: 12, runMs: 20 },
      ...Array.from({ length: 5 }, (_, n) => ({
        name: `wave-${n}`, callers: 24, runMs: 20, fromMs: 40_000 + n * 20_000, toMs: 60_000 + n * 20_000,
      })),
    ],
  },
  {
    name: "widths of one and four",
    tasks: "mixed", limit: 32, durationMs: 100_000,
    flows: [{ name: "narrow", callers: 100, runMs: exponential(50) }, { name: "wide", callers: 30, width: 4, runMs: exponential(50) }],
  },
  {
    name: "widths of one, two, three and five",
    tasks: "mixed", limit: 40, durationMs: 100_000,
    flows: [1, 2, 3, 5].map((width) => ({ name: `x${width}`, callers: 60 + 20 * width, width, runMs: exponential(50) })),
  },
  {
    name: "widths that differ inside a flow",
    tasks: "mixed", limit: 32, durationMs: 100_000,
    flows: [
      { name: "both", callers: 40, width: oneOf(1, 1, 1, 4), runMs: exponential(50) },
      { name: "narrow", callers: 200, runMs: exponential(50) },
    ],
  },
  {
    name: "runs of ten milliseconds and of a second",
    tasks: "mixed", limit: 8, durationMs: 200_000,
    flows: [{ name: "short", callers: 40, runMs: 10 }, { name: "long", callers: 40, runMs: 1_000 }],
  },
  {
    name: "exponential runs, one mean ten times the other",
    tasks: "mixed", limit: 8, durationMs: 500_000,
    flows: [{ name: "short", callers: 20, runMs: exponential(50) }, { name: "long", callers: 40, runMs: exponential(500) }],
  },
  {
    name: "a heavy tail against short constant runs",
    tasks: "mixed", limit: 10, durationMs: 300_000,
    flows: [{ name: "tail", callers: 60, runMs: heavyTailed(20, 2_000) }, { name: "short", callers: 30, runMs: 20 }],
  },
  {
    name: "few callers with long runs against many with short ones",
    tasks: "mixed", limit: 8, durationMs: 300_000,
    flows: [{ name: "few", callers: 8, runMs: exponential(800) }, { name: "many", callers: 400, runMs: exponential(20) }],
  },
  {
    name: "widths, durations and weights at once",
    tasks: "mixed", limit: 40, durationMs: 150_000,
    flows: [
      { name: "wide", callers: 40, width: 4, runMs: exponential(100), weight: 2 },
      { name: "long", callers: 60, runMs: exponential(400), weight: 1 },
      { name: "short", callers: 200, runMs: exponential(20), weight: 1 },
    ],
  },
  {
    name: "a modest flow of short tasks between long ones",
    tasks: "mixed", limit: 40, durationMs: 100_000,
    flows: [
      { name: "modest", callers: 400, runMs: exponential(20), thinkMs: LONG_PAUSE },
      { name: "long", callers: 60, runMs: exponential(400) },
      { name: "other", callers: 200, runMs: uniform(50, 150) },
    ],
  },
  {
    name: "fifty flows of every length and one that floods",
    tasks: "mixed", limit: 16, durationMs: 400_000,
    flows: [
      ...Array.from({ length: 50 }, (_, n) => ({ name: `f${n}`, callers: 4, runMs: uniform(10 + n, 30 + 6 * n) })),
      { name: "flood", callers: 1_000, runMs: exponential(40) },
    ],
  },
];

export interface Fairness {
  /** The largest relative difference from the share. */
  readonly error: number;
  readonly worst: string;
  /** Part of the seats that were in use while they could be. */
  readonly used: number;
}

/** Plays one scenario under a policy and judges it with the solver; `part` shortens it where its flows are steady. */
export async function fairness(input: { name: string; policy: PolicyName; seed: number; part?: number }): Promise<Fairness> {
  const found = FAIRNESS_SCENARIOS.find(({ name }) => name === input.name);
  if (found === undefined) throw new Error(`fairness: expected the name of a scenario, found "${input.name}"`);
  const steady = found.flows.every(({ toMs }) => toMs === undefined);
  const scenario = steady ? { ...found, durationMs: found.durationMs * (input.part ?? 1) } : found;
  return judge(scenario, POLICIES[input.policy], input.seed);
}

async function judge(scenario: FairnessScenario, policy: Policy, seed: number): Promise<Fairness> {
  const { tasks } = await play({ seed, durationMs: scenario.durationMs, resource: resourceOf(scenario), streams: scenario.flows.map(streamOf) }, policy);
  const phases = phasesOf(scenario);
  const got = new Map<string, number>();
  for (const task of tasks) for (const phase of phases) add(got, task.flow, seatMs(task, phase.from, phase.to));
  const inUse = [...got.values()].reduce((sum, seats) => sum + seats, 0);
  const due = new Map<string, number>();
  let most = 0;
  for (const phase of phases) {
    const active = scenario.flows.filter((flow) => (flow.fromMs ?? 0) <= phase.from && (flow.toMs ?? Infinity) >= phase.to);
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
