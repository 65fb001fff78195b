/** Lanes in front of worker threads: who is given the next one. */

import { stat } from "node:fs";
import { LONGEST_MS, number } from "../../core/checks.ts";
import { invalid } from "../../core/errors.ts";
import type { TaskOptions } from "../../core/options.ts";
import type { Permit } from "../../core/permit.ts";
import type { Resource } from "../../core/resource.ts";
import { asyncContext } from "../../node/context.ts";
import { Crew } from "./crew.ts";
import type { ThreadTask } from "./crew.ts";
import { threadSettings, workerFile } from "./options.ts";
import type { LaneThreads, ThreadPoolOptions, ThreadSettings } from "./options.ts";
import type { Order } from "./order.ts";
import { unwrapMoved } from "./piscina.ts";
import { ThreadError } from "./thread-error.ts";

/** What one task asks for; every field is optional. */
export interface ThreadTaskOptions extends Pick<
  TaskOptions,
  "lane" | "flow" | "id" | "signal" | "timeoutMs" | "deadline"
> {
  /** The export of the worker file that does it. Default: the pool's `name`. */
  readonly name?: string;
  /** Another worker file than the pool's. */
  readonly filename?: string | URL;
  /** What is handed over instead of copied: buffers, ports. */
  readonly transferList?: readonly unknown[];
}

const CLOSE_TIMEOUT_MS = 30_000;
const NO_OPTIONS: ThreadTaskOptions = Object.freeze({});
const NOTHING: readonly unknown[] = Object.freeze([]);

let warned = false;

/**
 * Worker threads in lanes: Piscina runs the tasks, and lanes decide who is next. Tasks of the low lanes run on threads that
 * give way to the others for the processor (on Linux). The lane of the async context goes along: `currentLane()` says it
 * inside the thread too. A task that is given up, or is not done in time, is ended with its thread, which is replaced.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option.
 * @example
 * const pool = new ThreadPool({ Piscina, filename: new URL("./resize.js", import.meta.url), threads: 4 });
 * const small = await pool.run(image, { lane: "bulk", transferList: [image.buffer] });
 */
export class ThreadPool<Task = unknown, Result = unknown> {
  readonly #settings: ThreadSettings;
  /** By what their threads have in common. */
  readonly #crews = new Map<string, Crew>();
  readonly #byLane = new Map<string, Crew>();
  readonly #files = new Map<string, string>();
  #accepted = 0;
  #closing: Promise<void> | undefined = undefined;
  #closed = false;
  #whenIdle: (() => void) | undefined = undefined;

  /** @throws LanewayError `LANEWAY_INVALID` for a wrong option. */
  constructor(options: ThreadPoolOptions) {
    this.#settings = threadSettings(options);
    const { lanes } = this.#settings;
    const first = lanes.keys().next().value;
    if ([...lanes.values()].some(({ nice }) => nice > 0)) prepareNice();
    if (first === undefined) return;
    this.#crewOf(first).warm();
  }

  /** The seats of this pool: one for each task that runs. */
  get resource(): Resource {
    return this.#settings.resource;
  }

  /**
   * Runs a task on a thread when its turn comes, and settles as the function of the worker file does.
   *
   * @throws LanewayError when the task is refused or its time is up; the reason of the caller's signal when that aborts;
   *   `ThreadError` when the thread failed.
   */
  async run(task: Task, options: ThreadTaskOptions = NO_OPTIONS): Promise<Result> {
    const { signal } = options;
    const { order, moved } = this.#orderOf(task, options);
    let job: ThreadTask | undefined;
    this.#accepted++;
    try {
      const result = this.resource.run((permit) => {
        job = this.#start(permit, order, moved);
        return job.done;
      }, taskOf(options));
      // The resource answers when the time is up; a caller who leaves wants his answer at once, too.
      return (await (signal === undefined ? result : orLeft(result, signal, () => job))) as Result;
    } catch (error) {
      job?.end();
      throw error;
    } finally {
      this.#accepted--;
      if (this.#accepted === 0) this.#whenIdle?.();
    }
  }

  /**
   * Runs a task for every item, at most as many at a time as there are seats, and yields the results in the order of the
   * items. Takes the next item only when the lane has room for it; see `Resource.map`.
   *
   * @example
   * for await (const page of pool.map(readPages(), { lane: "bulk" })) await save(page);
   */
  map(
    items: Iterable<Task> | AsyncIterable<Task>,
    options: ThreadTaskOptions = {},
  ): AsyncGenerator<Result, void, undefined> {
    const one = async (item: Task, permit: Permit): Promise<Result> => {
      const { order, moved } = this.#orderOf(item, options);
      const job = this.#start(permit, order, moved);
      const end = (): void => job.end();
      permit.signal.addEventListener("abort", end, { once: true });
      this.#accepted++;
      try {
        return (await job.done) as Result;
      } finally {
        permit.signal.removeEventListener("abort", end);
        this.#accepted--;
        if (this.#accepted === 0) this.#whenIdle?.();
      }
    };
    return this.resource.map(items, one, taskOf(options));
  }

  /**
   * Refuses newcomers, lets what was accepted end, and ends the threads; what is not done after `timeoutMs` (30 s unless
   * given) is ended with them. A resource that was given goes on.
   */
  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    const timeoutMs = number(
      "ThreadPool.close: timeoutMs",
      options.timeoutMs ?? CLOSE_TIMEOUT_MS,
      0,
      LONGEST_MS,
    );
    return (this.#closing ??= this.#close(timeoutMs));
  }

  /** Closes the pool as `close` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeoutMs: number): Promise<void> {
    if (this.#accepted > 0 && timeoutMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#whenIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#closed = true;
    await Promise.all([...this.#crews.values()].map((crew) => crew.destroy()));
  }

  #start({ lane, flow }: Permit, order: Order, transferList: readonly unknown[]): ThreadTask {
    if (this.#closed) throw this.#isClosed(lane);
    order.lane = lane;
    if (flow !== "") order.flow = flow;
    return this.#crewOf(lane).run(lane, order, transferList);
  }

  #orderOf(
    task: Task,
    { lane = "", deadline, name, filename, transferList = NOTHING }: ThreadTaskOptions,
  ): { readonly order: Order; readonly moved: readonly unknown[] } {
    if (this.#closing !== undefined) throw this.#isClosed(lane);
    if (name !== undefined && (typeof name !== "string" || name === ""))
      throw invalid("ThreadPool.run: name", "the name of an export of the worker file", name);
    if (!Array.isArray(transferList)) throw invalid("ThreadPool.run: transferList", "a list", transferList);
    const moved = unwrapMoved(task, transferList);
    const order: Order = { task: moved.task };
    if (name !== undefined) order.name = name;
    if (filename !== undefined) order.filename = this.#fileOf(filename);
    const ambient = asyncContext.get();
    const due = Math.min(deadline ?? Infinity, ambient?.deadline ?? Infinity);
    if (due !== Infinity) order.deadline = performance.timeOrigin + due;
    if (ambient?.rule !== undefined) order.rule = ambient.rule;
    return { order, moved: moved.transferList };
  }

  /** Whether a file is there is asked once. */
  #fileOf(filename: string | URL): string {
    const key = String(filename);
    let path = this.#files.get(key);
    if (path === undefined) this.#files.set(key, (path = workerFile("ThreadPool.run: filename", filename)));
    return path;
  }

  #isClosed(lane: string): ThreadError {
    const { filename } = this.#settings;
    const message = `thread pool "${this.resource.name}": it is closed and takes no more tasks`;
    return new ThreadError(message, { failure: "closed", lane, filename });
  }

  /** Lanes whose threads are alike share them. Those of the first lane are there from the start and stay. */
  #crewOf(lane: string): Crew {
    let crew = this.#byLane.get(lane);
    if (crew !== undefined) return crew;
    const threads = this.#threadsOf(lane);
    const key = JSON.stringify([threads.nice, Object.entries(threads.resourceLimits).sort(byName)]);
    crew = this.#crews.get(key);
    if (crew === undefined) {
      crew = new Crew(this.#settings, { ...threads, kept: this.#crews.size === 0 });
      this.#crews.set(key, crew);
    }
    this.#byLane.set(lane, crew);
    return crew;
  }

  /** A lane that came with a change of the resource has ordinary threads. */
  #threadsOf(lane: string): Required<LaneThreads> {
    return this.#settings.lanes.get(lane) ?? { nice: 0, resourceLimits: {} };
  }
}

/** What of the options is the resource's to know. */
function taskOf(options: ThreadTaskOptions): TaskOptions {
  if (options.name === undefined && options.filename === undefined && options.transferList === undefined)
    return options;
  const { name: _name, filename: _filename, transferList: _transferList, ...task } = options;
  return task;
}

/** Settles as `result`, or when the signal aborts a job that runs: one that waits is the resource's to refuse. */
function orLeft(
  result: Promise<unknown>,
  signal: AbortSignal,
  job: () => ThreadTask | undefined,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      if (job() !== undefined) reject(signal.reason);
    };
    signal.addEventListener("abort", leave, { once: true });
    result.finally(() => signal.removeEventListener("abort", leave)).then(resolve, reject);
  });
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/**
 * A thread passes its nice on to those that it starts, and the four of libuv, which do the files and the names of the whole
 * process, are started by whoever needs them first. So they are needed here, before any thread of ours is.
 */
function prepareNice(): void {
  if (process.platform === "linux") return stat("/", () => {});
  if (warned) return;
  warned = true;
  process.emitWarning(
    `threads of low lanes have the same priority as others: a nice per thread is known to Linux only, and this is ${process.platform}`,
    { type: "LanewayThreadWarning" },
  );
}
