/**
 * Threads that are alike: one Piscina, whose own queue stays empty because no more tasks are handed to it than it has
 * threads for. A seat is a thread: it comes back when the thread is free again, or is gone.
 */

import { fileURLToPath } from "node:url";
import type { ThreadMemory, ThreadSettings } from "./options.ts";
import { SETUP, isUnusable } from "./order.ts";
import type { Order, Setup, Unusable } from "./order.ts";
import { FOR_BALANCER } from "./piscina.ts";
import type { PiscinaPool, PiscinaThread } from "./piscina.ts";
import { ThreadError } from "./thread-error.ts";
import type { ThreadFailure } from "./thread-error.ts";

/** What the threads of a crew have in common. */
export interface CrewKind {
  readonly nice: number;
  readonly resourceLimits: ThreadMemory;
  /** Started at once and kept, instead of when they are needed. */
  readonly kept: boolean;
}

const EXTENSION = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
const WORK = fileURLToPath(new URL(`./thread-process${EXTENSION}`, import.meta.url));

/** One task from its start to the end of its thread's part in it. */
export interface ThreadTask {
  /** Settles as the task does, and never before its thread is free again, or gone. */
  readonly done: Promise<unknown>;
  /** Ends the thread, unless it is done. JavaScript stops within milliseconds, what runs outside of it when it is done. */
  end(): void;
}

export class Crew {
  readonly #name: string;
  readonly #kind: CrewKind;
  readonly #setup: Setup;
  readonly #pool: PiscinaPool;
  readonly #seats: () => number;
  /** Jobs that no thread has taken yet. */
  readonly #untaken = new Set<CrewTask>();
  /** Threads that were told to end and have not: they may look idle. */
  readonly #ending = new Set<number>();
  #running = 0;

  constructor(settings: ThreadSettings, kind: CrewKind) {
    const { Piscina, threads, resource, idleTimeoutMs, piscina } = settings;
    this.#setup = { nice: kind.nice, filename: settings.filename, name: settings.name };
    const argv = Array.isArray(piscina["argv"]) ? (piscina["argv"] as readonly unknown[]) : [];
    this.#name = resource.name;
    this.#kind = kind;
    this.#seats = () => resource.snapshot().limit;
    this.#pool = new Piscina({
      ...piscina,
      filename: WORK,
      name: "work",
      minThreads: kind.kept ? threads : 0,
      maxThreads: threads,
      idleTimeout: idleTimeoutMs,
      resourceLimits: kind.resourceLimits,
      argv: [...argv, SETUP + JSON.stringify(this.#setup)],
      loadBalancer: (
        task: { readonly [FOR_BALANCER]?: CrewTask | null },
        workers: readonly PiscinaThread[],
      ) => this.#choose(task[FOR_BALANCER] ?? undefined, workers),
    });
    this.#pool.on("error", (error) => this.#failedIdle(error));
    this.#pool.on("workerDestroy", () => queueMicrotask(() => this.#checkStarted(undefined)));
  }

  /** Loads the user's file in every thread that is there, so that no task has to wait for it. */
  warm(): void {
    // What fails here fails again for the task that needs it, which is told.
    for (const _thread of this.#pool.threads)
      this.#pool.run({ task: undefined, only: "load" } satisfies Order).catch(() => {});
  }

  /** Hands a task to a thread. There must be a seat for it. */
  run(lane: string, order: Order, transferList: readonly unknown[]): ThreadTask {
    const job = new CrewTask(this, lane, order);
    this.#running++;
    if (this.#running > this.#pool.options.maxThreads) this.#grow();
    order[FOR_BALANCER] = job;
    this.#untaken.add(job);
    try {
      this.#pool.run(order, transferList.length === 0 ? undefined : { transferList }).then(
        (answer) => this.#answered(job, answer),
        (error: unknown) => this.#over(job, this.#explained(job, error), true),
      );
    } catch (error) {
      // Piscina starts threads in here, and Node may refuse their options.
      const why = `could not start a thread: ${messageOf(error)}`;
      this.#over(job, this.#error(job, "not-started", why, error), true);
    }
    return job;
  }

  /** Ends all threads, whatever they do. */
  destroy(): Promise<void> {
    return this.#pool.destroy();
  }

  /** The caller is not interested any more. */
  end(job: CrewTask): void {
    if (job.over || job.ending !== undefined) return;
    const thread = this.#pool.threads.find(({ threadId }) => threadId === job.thread);
    if (thread === undefined) return this.#over(job, new Error("given up before a thread had it"), true);
    const id = thread.threadId;
    this.#ending.add(id);
    job.ending = new Promise((resolve) => {
      thread.once("exit", () => {
        this.#ending.delete(id);
        resolve();
      });
    });
    void thread.terminate();
  }

  /** Piscina asks here which thread gets a task: an idle one that will stay. */
  #choose(job: CrewTask | undefined, workers: readonly PiscinaThread[]): PiscinaThread | null {
    for (const worker of workers) {
      if (worker.currentUsage !== 0 || this.#ending.has(worker.id)) continue;
      if (job !== undefined) this.#take(job, worker.id);
      return worker;
    }
    return null;
  }

  #take(job: CrewTask, thread: number): void {
    job.thread = thread;
    this.#untaken.delete(job);
    // Nobody waits for it any more, but Piscina sends what it has accepted.
    if (job.over) {
      job.order.only = "skip";
      job.order.task = undefined;
    }
  }

  #answered(job: CrewTask, answer: unknown): void {
    if (isUnusable(answer)) this.#over(job, this.#unusable(job, answer), true);
    else this.#over(job, answer, false);
  }

  #over(job: CrewTask, outcome: unknown, failed: boolean): void {
    if (job.over) return;
    if (job.ending !== undefined) {
      const { ending } = job;
      job.ending = undefined;
      return void ending.then(() => this.#over(job, outcome, failed));
    }
    job.over = true;
    this.#running--;
    if (failed) job.reject(outcome);
    else job.resolve(outcome);
  }

  /** The resource has more seats than when the pool was made. */
  #grow(): void {
    const { options } = this.#pool;
    options.maxThreads = Math.max(options.maxThreads, Math.min(this.#running, this.#seats()));
  }

  /** A thread failed that had no task: either it could not start, or something went on after its task had ended. */
  #failedIdle(error: unknown): void {
    if (this.#untaken.size > 0) return this.#checkStarted(error);
    // The answer of a thread that was told to end.
    if (messageOf(error).startsWith("Error: Unexpected message from Worker")) return;
    process.emitWarning(`${this.#place()}: a thread failed after its task had ended: ${messageOf(error)}`, {
      type: "LanewayThreadWarning",
    });
  }

  /** Jobs for which no thread is left and none is on its way would wait for ever. */
  #checkStarted(cause: unknown): void {
    if (this.#untaken.size === 0 || this.#pool.threads.length > 0) return;
    const why = cause === undefined ? "it ended before it was ready" : messageOf(cause);
    for (const job of this.#untaken) {
      this.#untaken.delete(job);
      this.#over(job, this.#error(job, "not-started", `could not start a thread: ${why}`, cause), true);
    }
  }

  #unusable(job: CrewTask, { message, stack }: Unusable): ThreadError {
    const cause = new Error(message);
    if (stack !== "") cause.stack = stack;
    const at = siteOf(stack);
    const said = `${message}${at === undefined || message.includes(at) ? "" : ` (${at})`}`;
    return this.#error(
      job,
      "unusable-file",
      `the worker file ${this.#whatOf(job).filename} cannot be used: ${said}`,
      cause,
    );
  }

  /** What Piscina and Node say of a thread, with the place; a task's own error as it is. */
  #explained(job: CrewTask, error: unknown): unknown {
    if (!(error instanceof Error)) return error;
    const { filename, name } = this.#whatOf(job);
    if ((error as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY") {
      const limits = Object.entries(this.#kind.resourceLimits).map(([key, value]) => `${key}: ${value}`);
      const bound = limits.length === 0 ? "V8's own limit" : `resourceLimits ${limits.join(", ")}`;
      const what = `"${name}" of ${filename} took more memory than a thread of this lane may (${bound}); the thread was ended and will be replaced`;
      return this.#error(job, "out-of-memory", what, error);
    }
    const code = /^worker exited with code: (\d+)$/.exec(error.message)?.[1];
    if (code !== undefined) {
      const what = `the thread exited with code ${code} while it ran "${name}" of ${filename}; look for process.exit there`;
      return this.#error(job, "exited", what, error);
    }
    if (error.message === "Terminating worker thread")
      return this.#error(
        job,
        "closed",
        `the pool was closed before "${name}" of ${filename} had ended`,
        error,
      );
    return error;
  }

  #error(job: CrewTask, failure: ThreadFailure, what: string, cause: unknown): ThreadError {
    const { lane } = job;
    const { filename } = this.#whatOf(job);
    return new ThreadError(`${this.#place()}, lane "${lane}": ${what}`, { failure, lane, filename, cause });
  }

  #whatOf({ order }: CrewTask): { readonly filename: string; readonly name: string } {
    return { filename: order.filename ?? this.#setup.filename, name: order.name ?? this.#setup.name };
  }

  #place(): string {
    return `thread pool "${this.#name}"`;
  }
}

class CrewTask implements ThreadTask {
  readonly done: Promise<unknown>;
  resolve!: (result: unknown) => void;
  reject!: (error: unknown) => void;
  readonly lane: string;
  readonly order: Order;
  /** The thread that it was given to; undefined while one is being started for it. */
  thread: number | undefined = undefined;
  /** Settles when the thread that it was on, and that was told to end, has ended. */
  ending: Promise<void> | undefined = undefined;
  over = false;
  readonly #crew: Crew;

  constructor(crew: Crew, lane: string, order: Order) {
    this.#crew = crew;
    this.lane = lane;
    this.order = order;
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  end(): void {
    this.#crew.end(this);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Where a stack says that it happened: its first place outside of Node. */
function siteOf(stack: string): string | undefined {
  return /file:\/\/[^\s)]+:\d+/.exec(stack)?.[0] ?? /\/[^\s():]+:\d+(:\d+)?/.exec(stack)?.[0];
}
