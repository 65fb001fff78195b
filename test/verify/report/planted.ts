/** Reports of runs that never were: as those of a service with five lanes in a flood, or as odd as a test wants them. */

import { seededRandom } from "../../../src/verify/load/random.ts";
import type { Spread } from "../../../src/verify/load/histogram.ts";
import type {
  GeneratorResult,
  LanePhase,
  LaneResult,
  LaneSecond,
  ObjectiveResult,
  RunReport,
  VerifyReport,
} from "../../../src/verify/report/result.ts";

const NAMES = ["critical", "high", "normal", "low", "bulk"] as const;
/** Calls a second of each lane, and of the lowest in the flood. */
const RATES = [40, 40, 40, 30, 60] as const;
const FLOOD = 12;

/** What to plant. */
export interface Plant {
  readonly lanes?: readonly string[];
  readonly seconds?: number;
  readonly seed?: number;
}

/** Nothing measured. */
export const NO_TIMES: Spread = { count: 0, p50: 0, p90: 0, p99: 0, max: 0, mean: 0 };

/** A valid run of three phases in which every objective held. */
export function planted({ lanes = NAMES, seconds = 60, seed = 7 }: Plant = {}): VerifyReport {
  const durationMs = seconds * 1_000;
  const [flood, recovery] = [durationMs / 4, (durationMs * 3) / 4];
  return {
    version: 1,
    scenario: "spike",
    about: "the lowest lane asks for twelve times what it did",
    seed,
    startedAt: "2026-11-21T20:30:00.000Z",
    durationMs,
    phases: [
      { name: "baseline", fromMs: 0, untilMs: flood },
      { name: "flood", fromMs: flood, untilMs: recovery },
      { name: "recovery", fromMs: recovery, untilMs: durationMs },
    ],
    runs: [plantedRun("lanes on", { lanes, seconds, seed })],
    pass: true,
    machine: { cores: 2, node: "v24.21.0", platform: "linux x64" },
  };
}

/** The same with a run without lanes beside it, in which everybody waits for everybody. */
export function compared(plant: Plant = {}): VerifyReport {
  const report = planted(plant);
  const off = plantedRun("lanes off", { lanes: NAMES, seconds: 60, seed: 8, ...plant }, false);
  return { ...report, runs: [report.runs[0], { ...off, target: "http://127.0.0.1:3001" }] };
}

/** The report with one of its lanes changed. */
export function withLane(report: VerifyReport, index: number, change: Partial<LaneResult>): VerifyReport {
  const [run, ...others] = report.runs;
  const lanes = run.lanes.map((lane, at) => (at === index ? { ...lane, ...change } : lane));
  return { ...report, runs: [{ ...run, lanes }, ...others] };
}

/** The report with its judged run changed. */
export function withRun(report: VerifyReport, change: Partial<RunReport>): VerifyReport {
  const [run, ...others] = report.runs;
  return { ...report, runs: [{ ...run, ...change }, ...others] };
}

/** A lane that was called and never answered. */
export function unserved(lane: LaneResult): LaneResult {
  const seconds = lane.seconds.map(({ fromMs, offered }) => ({
    fromMs,
    offered,
    served: 0,
    refused: 0,
    failed: 0,
  }));
  return {
    ...lane,
    served: 0,
    refused: 0,
    failed: 0,
    unanswered: lane.offered,
    latencyMs: NO_TIMES,
    waitMs: NO_TIMES,
    firstByteMs: NO_TIMES,
    distribution: [],
    seconds,
    phases: [],
    objectives: lane.objectives.map(({ objective }) => ({ objective, measured: "nothing", held: false })),
  };
}

function plantedRun(name: string, plant: Required<Plant>, laned = true): RunReport {
  const random = seededRandom(plant.seed);
  const lanes = plant.lanes.map((lane, rank) => plantedLane(lane, rank, plant, { random, laned }));
  const served = lanes.reduce((sum, lane) => sum + lane.served, 0);
  const sent = lanes.reduce((sum, lane) => sum + lane.offered, 0);
  return {
    name,
    target: "http://127.0.0.1:3000",
    lanes: lanes.map((lane, rank) => ({
      ...lane,
      share: {
        got: served === 0 ? 0 : lane.served / served,
        ...(laned ? { due: served === 0 ? 0 : (lane.served / served) * (rank === 0 ? 0.98 : 1.01) } : {}),
      },
      objectives: objectivesOf(lane, rank, laned),
    })),
    generator: generatorOf(sent, plant.seconds),
    invalid: [],
    pass: true,
  };
}

function generatorOf(sent: number, seconds: number): GeneratorResult {
  return {
    workers: 1,
    sent,
    sentPerSecond: sent / seconds,
    lagMs: { count: sent, p50: 0.11, p90: 0.3, p99: 0.74, max: 3.2, mean: 0.15 },
  };
}

function objectivesOf(
  { latencyMs, served, offered }: LaneResult,
  rank: number,
  held: boolean,
): ObjectiveResult[] {
  if (rank > 1) return [];
  return [
    {
      objective: `p99 < ${rank === 0 ? 300 : 600}ms`,
      measured: `${Math.round(latencyMs.p99)} ms`,
      value: latencyMs.p99,
      held,
    },
    {
      objective: "success > 99%",
      measured: `${Math.floor((served / offered) * 10_000) / 100} %`,
      value: served / offered,
      held,
    },
  ];
}

interface Shape {
  readonly random: () => number;
  readonly laned: boolean;
}

function plantedLane(
  lane: string,
  rank: number,
  { seconds, lanes }: Required<Plant>,
  shape: Shape,
): LaneResult {
  const last = rank === lanes.length - 1;
  const times: number[] = [];
  let before = 0;
  const rows = Array.from({ length: seconds }, (_none, second): LaneSecond => {
    const flooded = second >= seconds / 4 && second < (seconds * 3) / 4;
    // What has piled up without lanes takes everybody with it, and does not go at once.
    before = flooded ? before + 1 : Math.max(0, before - 2);
    const offered = Math.round(
      (RATES[rank] ?? 20) * (last && flooded ? FLOOD : 1) * (0.8 + 0.4 * shape.random()),
    );
    return plantedSecond({ second, offered, behind: before, last, rank }, shape, times);
  });
  const sum = (field: "offered" | "served" | "refused" | "failed"): number =>
    rows.reduce((all, row) => all + row[field], 0);
  const latencyMs = spreadOf(times);
  const phases = [
    { phase: "baseline", from: 0, until: 0.25 },
    { phase: "flood", from: 0.25, until: 0.75 },
    { phase: "recovery", from: 0.75, until: 1 },
  ].map(({ phase, from, until }) => phaseOf(phase, rows.slice(from * seconds, until * seconds), latencyMs));
  return {
    lane,
    offered: sum("offered"),
    served: sum("served"),
    refused: sum("refused"),
    failed: sum("failed"),
    unanswered: 0,
    unsent: 0,
    returns: last ? 140 : 0,
    latencyMs,
    waitMs: shape.laned ? spreadOf(times.map((ms) => Math.max(0, ms - 22))) : NO_TIMES,
    firstByteMs: latencyMs,
    distribution: distributionOf(times),
    seconds: rows,
    phases,
    share: { got: 0 },
    objectives: [],
    errors: sum("failed") > 0 ? ["socket hang up", "status 500"] : [],
  };
}

/** As if no second had fewer calls than another: the worst one's p99. */
function phaseOf(phase: string, rows: readonly LaneSecond[], whole: Spread): LanePhase {
  const times = rows.flatMap(({ p99 }) => p99 ?? []);
  const served = rows.reduce((sum, row) => sum + row.served, 0);
  const offered = rows.reduce((sum, row) => sum + row.offered, 0);
  const latencyMs = { ...whole, count: served, p99: Math.max(0, ...times) };
  return { phase, offered, served, latencyMs: served === 0 ? NO_TIMES : latencyMs };
}

function plantedSecond(
  at: { second: number; offered: number; behind: number; last: boolean; rank: number },
  { random, laned }: Shape,
  times: number[],
): LaneSecond {
  const { offered, behind, last, rank } = at;
  const waits = laned ? (last ? 180 * behind : 4 * rank * Math.min(behind, 10)) : 240 * behind;
  const refused = laned
    ? last && behind > 8
      ? Math.round(offered * 0.7)
      : 0
    : behind > 14
      ? Math.round(offered * 0.55)
      : 0;
  const failed = !laned && behind > 20 ? Math.round(offered * 0.08) : 0;
  const served = offered - refused - failed;
  const own = Array.from({ length: served }, () => 18 + 14 * random() ** 3 + waits * (0.5 + 0.5 * random()));
  times.push(...own);
  const spread = spreadOf(own);
  const told = served === 0 ? {} : { p50: spread.p50, p99: spread.p99 };
  return { fromMs: at.second * 1_000, offered, served, refused, failed, ...told };
}

function spreadOf(times: readonly number[]): Spread {
  if (times.length === 0) return NO_TIMES;
  const sorted = [...times].sort((a, b) => a - b);
  return {
    count: sorted.length,
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p99: quantile(sorted, 0.99),
    max: sorted.at(-1)!,
    mean: sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length,
  };
}

function distributionOf(times: readonly number[]): { share: number; ms: number }[] {
  if (times.length === 0) return [];
  const sorted = [...times].sort((a, b) => a - b);
  const shares = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 1];
  return shares.map((share) => ({ share, ms: quantile(sorted, share) }));
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** A name that no lane should have. */
export const ODD = `<script>alert("1")</script>&'|`;

let all: Readonly<Record<string, VerifyReport>> | undefined;

/** All kinds of runs that a page must be able to show. */
export function kinds(): Readonly<Record<string, VerifyReport>> {
  all ??= everyKind();
  return all;
}

function everyKind(): Readonly<Record<string, VerifyReport>> {
  const report = planted();
  const [lane] = report.runs[0].lanes;
  const missed = [{ objective: "p99 < 20ms", measured: "31 ms", value: 31, held: false }];
  const twelve = Array.from({ length: 12 }, (_none, index) => `lane number ${index + 1}`);
  return {
    "one run": report,
    "two runs": compared(),
    missed: { ...withLane(report, 0, { objectives: missed }), pass: false },
    invalid: {
      ...withRun(report, { invalid: ["the generator was 12 ms late (p99), 5 are allowed"], pass: false }),
      pass: false,
    },
    "nothing served": withRun(report, { lanes: report.runs[0].lanes.map(unserved), pass: false }),
    "one lane": planted({ lanes: ["http"] }),
    "twelve lanes": compared({ lanes: twelve }),
    "no lane": withRun(report, { lanes: [] }),
    "no second": withLane(report, 0, { seconds: [], phases: [], distribution: [] }),
    "empty seconds": withLane(report, 0, { seconds: lane!.seconds.filter((_second, at) => at % 3 === 0) }),
    "a tenth of a second": { ...planted({ seconds: 1 }), durationMs: 100, phases: [] },
    "no time at all": { ...planted({ seconds: 1 }), durationMs: 0 },
    "an hour": anHour(),
    "times that are no numbers": withLane(report, 0, {
      latencyMs: { ...NO_TIMES, count: 3, p50: Number.NaN, p99: Number.NaN, max: Infinity },
      distribution: [
        { share: 0.5, ms: Number.NaN },
        { share: 1, ms: Infinity },
      ],
      seconds: [{ ...lane!.seconds[0]!, p99: Number.NaN }],
      share: { got: Number.NaN, due: Number.NaN },
    }),
    "odd names": { ...withLane(compared(), 0, { lane: ODD, errors: [ODD] }), scenario: ODD, about: ODD },
  };
}

/** One minute, again and again. */
function anHour(): VerifyReport {
  const report = planted();
  const lanes = report.runs[0].lanes.map((lane) => ({
    ...lane,
    seconds: Array.from({ length: 3_600 }, (_none, at) => ({
      ...lane.seconds[at % 60]!,
      fromMs: at * 1_000,
    })),
  }));
  return { ...withRun(report, { lanes }), durationMs: 3_600_000 };
}
