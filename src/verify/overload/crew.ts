/** The worker threads of a load: started once, given one load after another, ended with whoever made them. */

import { Worker } from "node:worker_threads";
import { TimeCounts } from "../load/time-counts.ts";
import type { LaneTick, WorkerCommand, WorkerMessage } from "./messages.ts";
import type { WorkerPlan } from "./plan.ts";
import { splitPlan } from "./split.ts";
import { LaneTally } from "./tally.ts";

/** What all workers together measured. Lanes are in the order of the plan. */
export interface LoadResult {
  readonly lanes: readonly LaneTally[];
  readonly lag: TimeCounts;
  readonly stalls: TimeCounts;
  readonly sent: number;
  readonly lastedMs: number;
}

/** What a load under way tells. */
export interface Watching {
  /** Told every fifth of a second, from the start of the load. */
  readonly onTick?: (elapsedMs: number, lanes: readonly LaneTick[]) => void;
  /** Ends the load early; it settles with what there is. */
  readonly signal?: AbortSignal;
}

/** Run from source the module has the one extension, built the other. */
const MODULE = import.meta.url.endsWith(".ts")
  ? new URL("./load-worker.ts", import.meta.url)
  : new URL("./load-worker.js", import.meta.url);
/** From the plans being sent to the first call, so that every worker has its own by then. */
const LEAD_MS = 150;

/** Worker threads that make load together. Call `stop` when done. */
export class LoadCrew {
  readonly #workers: readonly Worker[];
  readonly #failed: Promise<never>;

  /** Settles when all are warm. */
  static async start(count: number): Promise<LoadCrew> {
    const crew = new LoadCrew(count);
    try {
      await Promise.race([crew.#failed, Promise.all(crew.#workers.map((worker) => said(worker, "ready")))]);
      return crew;
    } catch (error) {
      await crew.stop();
      throw error;
    }
  }

  private constructor(count: number) {
    this.#workers = Array.from({ length: count }, () => new Worker(MODULE));
    this.#failed = new Promise((_resolve, reject) => {
      for (const worker of this.#workers) worker.once("error", reject);
    });
    this.#failed.catch(() => undefined);
  }

  get size(): number {
    return this.#workers.length;
  }

  /** Runs one load to its end. Rejects when a worker broke. */
  async run(plan: WorkerPlan, seed: number, { onTick, signal }: Watching = {}): Promise<LoadResult> {
    const startAtEpochMs = Date.now() + LEAD_MS;
    const latest = this.#workers.map((): readonly LaneTick[] => []);
    const stopTicks = this.#workers.map((worker, number) =>
      listen(worker, "tick", ({ lanes }) => {
        latest[number] = lanes;
        // The first worker sets the pace; a table needs no more ticks because there are more workers.
        if (number > 0 || latest.some((ticks) => ticks.length === 0)) return;
        onTick?.(Date.now() - startAtEpochMs, sumTicks(latest));
      }),
    );
    const stop = (): void => this.#tell(() => ({ type: "stop" }));
    const results = Promise.all(this.#workers.map((worker) => said(worker, "result")));
    const parts = splitPlan(plan, this.#workers.length);
    this.#tell((number) => ({ type: "load", plan: parts[number]!, seed: seed + number, startAtEpochMs }));
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted === true) stop();
    try {
      return added(plan, await Promise.race([this.#failed, results]));
    } finally {
      signal?.removeEventListener("abort", stop);
      for (const stopTick of stopTicks) stopTick();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #tell(command: (number: number) => WorkerCommand): void {
    for (const [number, worker] of this.#workers.entries()) worker.postMessage(command(number), []);
  }
}

type Said<Type> = Extract<WorkerMessage, { readonly type: Type }>;

function listen<Type extends WorkerMessage["type"]>(
  worker: Worker,
  type: Type,
  listener: (message: Said<Type>) => void,
): () => void {
  const hear = (message: WorkerMessage): void => {
    if (message.type === type) listener(message as Said<Type>);
  };
  worker.on("message", hear);
  return () => void worker.off("message", hear);
}

function said<Type extends WorkerMessage["type"]>(worker: Worker, type: Type): Promise<Said<Type>> {
  return new Promise((resolve) => {
    const stop = listen(worker, type, (message) => {
      stop();
      resolve(message);
    });
  });
}

function added({ lanes, phaseEndsMs }: WorkerPlan, results: readonly Said<"result">[]): LoadResult {
  const tallies = lanes.map(() => new LaneTally(phaseEndsMs));
  const lag = new TimeCounts();
  const stalls = new TimeCounts();
  for (const result of results) {
    for (const [lane, data] of result.lanes.entries()) tallies[lane]!.add(data);
    lag.add(result.lag);
    stalls.add(result.stalls);
  }
  return {
    lanes: tallies,
    lag,
    stalls,
    sent: results.reduce((sum, { sent }) => sum + sent, 0),
    lastedMs: Math.max(...results.map(({ lastedMs }) => lastedMs)),
  };
}

function sumTicks(workers: readonly (readonly LaneTick[])[]): LaneTick[] {
  return workers[0]!.map((_, lane) => {
    const ticks = workers.map((each) => each[lane]!);
    const sum = (count: "offered" | "served" | "refused" | "failed" | "inFlight"): number =>
      ticks.reduce((total, tick) => total + tick[count], 0);
    return {
      offered: sum("offered"),
      served: sum("served"),
      refused: sum("refused"),
      failed: sum("failed"),
      inFlight: sum("inFlight"),
      latenciesMs: ticks.flatMap(({ latenciesMs }) => latenciesMs),
    };
  });
}
