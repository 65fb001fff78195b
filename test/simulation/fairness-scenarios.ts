/** The flows that share a lane in each fairness scenario; `fairness.ts` plays and judges them. */

import type { Random } from "../../src/testing/index.ts";

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
    tasks: "equal",
    limit: 4,
    durationMs: 30_000,
    flows: [
      { name: "many", callers: 40, runMs: 100 },
      { name: "few", callers: 4, runMs: 100 },
    ],
  },
  {
    name: "three flows of five, twenty and eighty callers",
    tasks: "equal",
    limit: 8,
    durationMs: 30_000,
    flows: [
      { name: "a", callers: 5, runMs: 100 },
      { name: "b", callers: 20, runMs: 100 },
      { name: "c", callers: 80, runMs: 100 },
    ],
  },
  {
    name: "nine flows and one with five hundred callers",
    tasks: "equal",
    limit: 10,
    durationMs: 20_000,
    flows: [...many(9, { callers: 4, runMs: 50 }), { name: "hog", callers: 500, runMs: 50 }],
  },
  {
    name: "weights of one, two and four, the same callers",
    tasks: "equal",
    limit: 14,
    durationMs: 30_000,
    flows: [1, 2, 4].map((weight) => ({ name: `w${weight}`, callers: 30, runMs: 100, weight })),
  },
  {
    name: "the heavier the weight, the fewer the callers",
    tasks: "equal",
    limit: 10,
    durationMs: 30_000,
    flows: [
      { name: "heavy", callers: 15, runMs: 100, weight: 5 },
      { name: "light", callers: 150, runMs: 100, weight: 1 },
    ],
  },
  {
    name: "two hundred small flows and one large",
    tasks: "equal",
    limit: 20,
    durationMs: 100_000,
    flows: [...many(200, { callers: 2, runMs: 50 }), { name: "large", callers: 800, runMs: 50 }],
  },
  {
    name: "five hundred flows, most of them waiting, and one large",
    tasks: "equal",
    limit: 20,
    durationMs: 500_000,
    flows: [...many(500, { callers: 1, runMs: 100 }), { name: "large", callers: 1_000, runMs: 100 }],
  },
  {
    name: "a flow that wants less than its share leaves the rest to the others",
    tasks: "equal",
    limit: 10,
    durationMs: 200_000,
    flows: [
      { name: "modest", callers: 124, runMs: 20, thinkMs: LONG_PAUSE },
      { name: "a", callers: 20, runMs: 20 },
      { name: "b", callers: 100, runMs: 20 },
    ],
  },
  {
    name: "three levels of demand under two that take what is left",
    tasks: "equal",
    limit: 20,
    durationMs: 200_000,
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
    tasks: "equal",
    limit: 8,
    durationMs: 150_000,
    flows: [
      { name: "steady", callers: 20, runMs: 50 },
      { name: "hog", callers: 200, runMs: 50 },
      { name: "bursty", callers: 12, runMs: 50, fromMs: 50_000, toMs: 100_000 },
    ],
  },
  {
    name: "five waves of ten seconds, one after another",
    tasks: "equal",
    limit: 6,
    durationMs: 200_000,
    flows: [
      { name: "steady", callers: 12, runMs: 20 },
      ...Array.from({ length: 5 }, (_, n) => ({
        name: `wave-${n}`,
        callers: 24,
        runMs: 20,
        fromMs: 40_000 + n * 20_000,
        toMs: 60_000 + n * 20_000,
      })),
    ],
  },
  {
    name: "widths of one and four",
    tasks: "mixed",
    limit: 32,
    durationMs: 100_000,
    flows: [
      { name: "narrow", callers: 100, runMs: exponential(50) },
      { name: "wide", callers: 30, width: 4, runMs: exponential(50) },
    ],
  },
  {
    name: "widths of one, two, three and five",
    tasks: "mixed",
    limit: 40,
    durationMs: 100_000,
    flows: [1, 2, 3, 5].map((width) => ({
      name: `x${width}`,
      callers: 60 + 20 * width,
      width,
      runMs: exponential(50),
    })),
  },
  {
    name: "widths that differ inside a flow",
    tasks: "mixed",
    limit: 32,
    durationMs: 100_000,
    flows: [
      { name: "both", callers: 40, width: oneOf(1, 1, 1, 4), runMs: exponential(50) },
      { name: "narrow", callers: 200, runMs: exponential(50) },
    ],
  },
  {
    name: "runs of ten milliseconds and of a second",
    tasks: "mixed",
    limit: 8,
    durationMs: 200_000,
    flows: [
      { name: "short", callers: 40, runMs: 10 },
      { name: "long", callers: 40, runMs: 1_000 },
    ],
  },
  {
    name: "exponential runs, one mean ten times the other",
    tasks: "mixed",
    limit: 8,
    durationMs: 500_000,
    flows: [
      { name: "short", callers: 20, runMs: exponential(50) },
      { name: "long", callers: 40, runMs: exponential(500) },
    ],
  },
  {
    name: "a heavy tail against short constant runs",
    tasks: "mixed",
    limit: 10,
    durationMs: 300_000,
    flows: [
      { name: "tail", callers: 60, runMs: heavyTailed(20, 2_000) },
      { name: "short", callers: 30, runMs: 20 },
    ],
  },
  {
    name: "few callers with long runs against many with short ones",
    tasks: "mixed",
    limit: 8,
    durationMs: 300_000,
    flows: [
      { name: "few", callers: 8, runMs: exponential(800) },
      { name: "many", callers: 400, runMs: exponential(20) },
    ],
  },
  {
    name: "widths, durations and weights at once",
    tasks: "mixed",
    limit: 40,
    durationMs: 150_000,
    flows: [
      { name: "wide", callers: 40, width: 4, runMs: exponential(100), weight: 2 },
      { name: "long", callers: 60, runMs: exponential(400), weight: 1 },
      { name: "short", callers: 200, runMs: exponential(20), weight: 1 },
    ],
  },
  {
    name: "a modest flow of short tasks between long ones",
    tasks: "mixed",
    limit: 40,
    durationMs: 100_000,
    flows: [
      { name: "modest", callers: 400, runMs: exponential(20), thinkMs: LONG_PAUSE },
      { name: "long", callers: 60, runMs: exponential(400) },
      { name: "other", callers: 200, runMs: uniform(50, 150) },
    ],
  },
  {
    name: "fifty flows of every length and one that floods",
    tasks: "mixed",
    limit: 16,
    durationMs: 400_000,
    flows: [
      ...Array.from({ length: 50 }, (_, n) => ({
        name: `f${n}`,
        callers: 4,
        runMs: uniform(10 + n, 30 + 6 * n),
      })),
      { name: "flood", callers: 1_000, runMs: exponential(40) },
    ],
  },
];
