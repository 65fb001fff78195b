import type { ResourceOptions, TaskOptions } from "../core/options.ts";
import type { ResourceSnapshot } from "../core/snapshot.ts";
import { isLanewayError } from "../core/errors.ts";
import { Resource } from "../node/resource.ts";
import { TestClock } from "./clock.ts";
import { seeded } from "./random.ts";
import type { Random } from "./random.ts";

/** One stream of tasks. Open (`ratePerSecond`), closed (`callers`, each asking again after its reply) or a burst. */
export interface Load {
  readonly lane?: string;
  /** One flow for all, or the name of the nth task's (open, burst) or caller's (closed). */
  readonly flow?: string | ((n: number) => string);
  readonly width?: number | ((random: Random) => number);
  /** How long a task runs once it has started, in milliseconds. */
  readonly runMs: number | ((random: Random) => number);
  /** Poisson arrivals at this mean rate. */
  readonly ratePerSecond?: number;
  /** So many callers, each submitting again at once when its task is over (a refused one after its retry-after). */
  readonly callers?: number;
  /** So many tasks at once, at `fromMs`. */
  readonly burst?: number;
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Refused tasks of an open stream come back when told to, at most so many times. Default 0. */
  readonly retries?: number;
  readonly task?: TaskOptions;
}

/** A whole simulated run. */
export interface Scenario {
  readonly resource: Omit<ResourceOptions, "clock" | "random">;
  readonly loads: readonly Load[];
  readonly durationMs: number;
  readonly seed: number;
}

/** What became of one simulated task; instants are simulated milliseconds. */
export interface SimulatedTask {
  readonly lane: string;
  readonly flow: string;
  readonly width: number;
  readonly runMs: number;
  readonly arrivedAt: number;
  startedAt?: number;
  endedAt?: number;
  /** Why it was refused, the last time that it was. */
  refused?: string;
  refusals: number;
  readonly returnedAt: number[];
}

/** Everything that happened, for a test to judge. */
export interface Simulation {
  readonly tasks: readonly SimulatedTask[];
  readonly snapshot: ResourceSnapshot;
  readonly seed: number;
}

/**
 * Runs a scenario in simulated time against the real scheduler and returns what became of each task.
 *
 * @example
 * const { tasks } = await simulate({
 *   seed: 1, durationMs: 60_000, resource: { name: "ai", limit: 8 },
 *   loads: [{ lane: "critical", ratePerSecond: 5, runMs: 200 }, { lane: "bulk", burst: 600, runMs: 200 }],
 * });
 * const waits = tasks.filter((task) => task.lane === "critical").map((task) => task.startedAt! - task.arrivedAt);
 */
export async function simulate(scenario: Scenario): Promise<Simulation> {
  const clock = new TestClock();
  const random = seeded(scenario.seed);
  const resource = new Resource({ ...scenario.resource, clock, random: () => random.next() });
  const run: Run = { clock, random, resource, tasks: [], durationMs: scenario.durationMs };
  for (const load of scenario.loads) begin(run, load);
  await clock.advance(scenario.durationMs);
  return { tasks: run.tasks, snapshot: resource.snapshot(), seed: scenario.seed };
}

interface Run {
  readonly clock: TestClock;
  readonly random: Random;
  readonly resource: Resource;
  readonly tasks: SimulatedTask[];
  readonly durationMs: number;
}

function begin(run: Run, load: Load): void {
  const from = load.fromMs ?? 0;
  if (load.burst !== undefined)
    run.clock.after(from, () => {
      for (let n = 0; n < load.burst!; n++) void once(run, load, n);
    });
  if (load.callers !== undefined)
    run.clock.after(from, () => {
      for (let n = 0; n < load.callers!; n++) void forEver(run, load, n);
    });
  if (load.ratePerSecond !== undefined) arriveFrom(run, load, from, 0);
}

function arriveFrom(run: Run, load: Load, at: number, n: number): void {
  const next = at + run.random.exponential(1_000 / load.ratePerSecond!);
  if (next > (load.toMs ?? run.durationMs)) return;
  run.clock.after(next - run.clock.now(), () => {
    void once(run, load, n);
    arriveFrom(run, load, next, n + 1);
  });
}

async function once(run: Run, load: Load, n: number): Promise<void> {
  const task = newTask(run, load, n);
  for (let tries = 0; ; tries++) {
    const retryAfterMs = await attempt(run, load, task);
    if (retryAfterMs === undefined || tries >= (load.retries ?? 0)) return;
    await run.clock.sleep(retryAfterMs);
    task.returnedAt.push(run.clock.now());
  }
}

async function forEver(run: Run, load: Load, n: number): Promise<void> {
  while (run.clock.now() < (load.toMs ?? run.durationMs)) {
    const retryAfterMs = await attempt(run, load, newTask(run, load, n));
    if (retryAfterMs !== undefined) await run.clock.sleep(retryAfterMs);
  }
}

function newTask(run: Run, load: Load, n: number): SimulatedTask {
  const task: SimulatedTask = {
    lane: load.lane ?? "",
    flow: typeof load.flow === "function" ? load.flow(n) : (load.flow ?? ""),
    width: typeof load.width === "function" ? load.width(run.random) : (load.width ?? 1),
    runMs: typeof load.runMs === "function" ? load.runMs(run.random) : load.runMs,
    arrivedAt: run.clock.now(),
    refusals: 0,
    returnedAt: [],
  };
  run.tasks.push(task);
  return task;
}

/** Submits once; returns when to come back if it was refused. */
async function attempt(run: Run, load: Load, task: SimulatedTask): Promise<number | undefined> {
  const { lane, flow, width } = task;
  try {
    await run.resource.run(
      () => {
        task.startedAt = run.clock.now();
        return run.clock.sleep(task.runMs);
      },
      { ...load.task, ...(lane === "" ? {} : { lane }), flow, width },
    );
    task.endedAt = run.clock.now();
    return undefined;
  } catch (error) {
    if (!isLanewayError(error) || error.code === "LANEWAY_INVALID") throw error;
    task.refusals++;
    task.refused = error.reason;
    return error.retryAfterMs ?? 1_000;
  }
}
