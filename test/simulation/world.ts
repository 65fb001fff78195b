/**
 * A simulated world: streams of tasks from callers who think, wait, give deadlines and come back when told to, played
 * against any policy in simulated time. What became of each task is written down for a test to judge.
 */

import { isLanewayError } from "../../src/index.ts";
import type { ResourceOptions, TaskOptions } from "../../src/index.ts";
import { TestClock, seeded } from "../../src/testing/index.ts";
import type { Random, Runs } from "../../src/testing/index.ts";

/** A number, or one drawn for each task. */
export type Drawn = number | ((random: Random, nowMs: number) => number);

/** One stream of tasks: open (`ratePerSecond`), closed (`callers`), or `burst`. */
export interface Stream {
  readonly lane?: string;
  /** The flow of all tasks, or of the nth (open, burst) or the nth caller's (closed). */
  readonly flow?: string | ((n: number) => string);
  readonly width?: Drawn;
  /** How long a task runs, drawn when it arrives. */
  readonly runMs: Drawn;
  /** How many times as long a task runs that starts at this instant. Default 1. */
  readonly slowness?: (nowMs: number) => number;
  /** Poisson arrivals at this mean rate. */
  readonly ratePerSecond?: number;
  /** So many callers, each asking again after its reply and a pause to think. */
  readonly callers?: number;
  readonly thinkMs?: Drawn;
  /** So many tasks in the same instant, at `fromMs`. */
  readonly burst?: number;
  readonly fromMs?: number;
  readonly toMs?: number;
  /** The caller's own time-out. */
  readonly timeoutMs?: Drawn;
  /** When a refused caller comes back; without it a refused task is lost. Returns milliseconds. */
  readonly comesBackAfter?: (retryAfterMs: number) => number;
  readonly returnsMax?: number;
}

export interface Scenario {
  readonly seed: number;
  readonly durationMs: number;
  readonly resource: Omit<ResourceOptions, "clock" | "random">;
  readonly streams: readonly Stream[];
}

/** One submission of a task and its refusal, if it was refused. */
export interface Attempt {
  readonly at: number;
  refusedAt?: number;
  reason?: string;
  retryAfterMs?: number;
}

/** What became of one task; instants are simulated milliseconds. */
export interface Played {
  readonly lane: string;
  readonly flow: string;
  readonly width: number;
  readonly arrivedAt: number;
  readonly dueAt: number;
  runMs: number;
  startedAt?: number;
  endedAt?: number;
  /** Its caller got the result: it was neither refused nor answered before its end. */
  served: boolean;
  readonly attempts: Attempt[];
}

/** What decides who runs: the real scheduler, or a stand-in that a check must catch. */
export type Policy<R extends Runs = Runs> = (options: ResourceOptions) => R;

export interface World<R extends Runs = Runs> {
  readonly resource: R;
  readonly tasks: readonly Played[];
  readonly durationMs: number;
}

/** Plays a scenario to its end. Tasks still queued or running then have no end. */
export async function play<R extends Runs>(scenario: Scenario, policy: Policy<R>): Promise<World<R>> {
  const clock = new TestClock();
  const random = seeded(scenario.seed);
  const resource = policy({ ...scenario.resource, clock, random: () => random.next() });
  const world = { resource, tasks: [] as Played[], durationMs: scenario.durationMs, clock };
  // Each stream draws from a source of its own, so that two policies meet the same arrivals and the same work.
  for (const [i, stream] of scenario.streams.entries())
    new Source(world, stream, seeded(scenario.seed * 1_000 + i)).begin();
  await clock.advance(scenario.durationMs);
  return world;
}

interface Playing {
  readonly resource: Runs;
  readonly tasks: Played[];
  readonly durationMs: number;
  readonly clock: TestClock;
}

class Source {
  readonly #world: Playing;
  readonly #stream: Stream;
  readonly #random: Random;

  constructor(world: Playing, stream: Stream, random: Random) {
    this.#world = world;
    this.#stream = stream;
    this.#random = random;
  }

  begin(): void {
    const { fromMs = 0, burst = 0, callers = 0, ratePerSecond } = this.#stream;
    this.#world.clock.after(fromMs, () => {
      for (let n = 0; n < burst; n++) void this.#once(n);
      for (let n = 0; n < callers; n++) void this.#forEver(n);
      if (ratePerSecond !== undefined) this.#arrive(ratePerSecond, 0);
    });
  }

  #arrive(ratePerSecond: number, n: number): void {
    const { clock } = this.#world;
    const gap = this.#random.exponential(1_000 / ratePerSecond);
    if (clock.now() + gap > this.#until) return;
    clock.after(gap, () => {
      void this.#once(n);
      this.#arrive(ratePerSecond, n + 1);
    });
  }

  get #until(): number {
    return this.#stream.toMs ?? this.#world.durationMs;
  }

  async #forEver(n: number): Promise<void> {
    const { clock } = this.#world;
    const { thinkMs } = this.#stream;
    while (clock.now() < this.#until) {
      if (thinkMs !== undefined) await clock.sleep(this.#draw(thinkMs));
      if (clock.now() < this.#until) await this.#once(n);
    }
  }

  /** One task to its end: served, lost, or refused as often as its caller comes back. */
  async #once(n: number): Promise<void> {
    const task = this.#make(n);
    this.#world.tasks.push(task);
    const { comesBackAfter, returnsMax = 0 } = this.#stream;
    for (;;) {
      const retryAfterMs = await this.#attempt(task);
      if (retryAfterMs === undefined) return;
      const comesBack = comesBackAfter !== undefined && task.attempts.length <= returnsMax;
      // A caller of a closed loop that gives a task up asks for the next one no sooner than it was told to.
      await this.#world.clock.sleep(comesBackAfter?.(retryAfterMs) ?? Math.max(1, retryAfterMs));
      if (!comesBack) return;
    }
  }

  #make(n: number): Played {
    const { lane = "", flow = "", width = 1, runMs, timeoutMs } = this.#stream;
    const now = this.#world.clock.now();
    return {
      lane,
      flow: typeof flow === "function" ? flow(n) : flow,
      width: this.#draw(width),
      arrivedAt: now,
      dueAt: timeoutMs === undefined ? Infinity : now + this.#draw(timeoutMs),
      runMs: this.#draw(runMs),
      served: false,
      attempts: [],
    };
  }

  /** Submits once; returns when to come back if it was refused. */
  async #attempt(task: Played): Promise<number | undefined> {
    const { clock, resource } = this.#world;
    const attempt: Attempt = { at: clock.now() };
    task.attempts.push(attempt);
    try {
      await resource.run(
        () => {
          task.startedAt = clock.now();
          task.runMs *= this.#stream.slowness?.(task.startedAt) ?? 1;
          return clock.sleep(task.runMs).then(() => {
            task.endedAt = clock.now();
          });
        },
        optionsOf(task, attempt.at),
      );
      task.served = true;
      return undefined;
    } catch (error) {
      if (isLanewayError(error) && error.code === "LANEWAY_INVALID") throw error;
      const { reason, retryAfterMs } = error as { reason?: string; retryAfterMs?: number };
      if (reason === undefined) throw error;
      Object.assign(attempt, { refusedAt: clock.now(), reason, retryAfterMs });
      return task.startedAt === undefined ? retryAfterMs : undefined;
    }
  }

  #draw(drawn: Drawn): number {
    return typeof drawn === "number" ? drawn : drawn(this.#random, this.#world.clock.now());
  }
}

function optionsOf(task: Played, now: number): TaskOptions {
  return {
    ...(task.lane === "" ? {} : { lane: task.lane }),
    ...(task.flow === "" ? {} : { flow: task.flow }),
    ...(task.width === 1 ? {} : { width: task.width }),
    ...(task.dueAt === Infinity ? {} : { timeoutMs: Math.max(0, task.dueAt - now) }),
  };
}
