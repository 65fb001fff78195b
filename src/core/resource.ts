/** The public face of one shared thing with a limit. Everything it does is one call into the scheduler. */

import { budgetHandle } from "./budget/handle.ts";
import type { Budget } from "./budget/handle.ts";
import { knownKeys } from "./checks.ts";
import { checkGuarantees, limitSeats, resourceConfig } from "./config.ts";
import { drain } from "./drain.ts";
import { invalid } from "./errors.ts";
import type { LanewayError } from "./errors.ts";
import { forecastOf } from "./forecast.ts";
import type { Forecast } from "./forecast.ts";
import { heldHere, runHolding } from "./holding.ts";
import { laneFor } from "./intake.ts";
import { AdaptiveLimit } from "./limit/adaptive.ts";
import { follow } from "./limit/feed.ts";
import { FixedLimit } from "./limit/fixed.ts";
import type { Limit } from "./limit/limit.ts";
import { limitOptions } from "./limit/limit-options.ts";
import { mapInLane } from "./map.ts";
import { NO_OPTIONS } from "./options.ts";
import type { ResourceOptions, TaskOptions } from "./options.ts";
import type { Permit } from "./permit.ts";
import type { Ports } from "./ports.ts";
import { reconfigure } from "./reconfigure.ts";
import { Scheduler } from "./scheduler.ts";
import type { ResourceMeasures, ResourceSnapshot, TaskRecord } from "./snapshot.ts";
import { measuresOf, snapshotOf } from "./snapshot.ts";
import { ENDED, RUNNING, SHADOW, turnOf, unwrap } from "./task.ts";
import type { Task } from "./task.ts";

import { turnAway } from "./turn-away.ts";

const CHANGEABLE: ReadonlySet<string> = new Set(
  "limit lanes defaultLane order aging queue budgets enforce memory".split(" "),
);

/** What `update` can change while tasks run and wait. */
export type ResourceChanges = Partial<
  Pick<
    ResourceOptions,
    "limit" | "lanes" | "defaultLane" | "order" | "aging" | "queue" | "budgets" | "enforce"
  >
> & { readonly memory?: boolean };

/**
 * One shared thing with a limit, and the lanes in which tasks wait for it.
 *
 * @example
 * const ai = new Resource({ name: "ai", limit: 8, lanes: [{ name: "critical", reservation: 2 }, { name: "batch" }] });
 * const reply = await ai.run(({ signal }) => ask(prompt, { signal }), { lane: "critical", flow: "tenant-7" });
 */
export class Resource {
  readonly name: string;
  readonly #ports: Ports;
  #options: ResourceOptions;
  #scheduler: Scheduler;

  /** @throws LanewayError `LANEWAY_INVALID` for a wrong option. */
  constructor(options: ResourceOptions, ports: Ports) {
    const config = resourceConfig(options);
    const limit = limitOf(options, ports);
    checkGuarantees(`resource "${options.name}"`, mostSeats(limit), config.lanes);
    this.name = options.name;
    this.#options = options;
    this.#ports = ports;
    this.#scheduler = new Scheduler(options.name, config, limit, ports);
  }

  /**
   * Runs `fn` when its turn comes, in its caller's async context, and settles as it does. `fn` gets the permit; its
   * signal aborts with the caller's and when the time is up. A task that outlives its time-out is answered at once.
   *
   * @throws LanewayError when the task is refused; the reason of the caller's signal when that aborts.
   */
  run<T>(fn: (permit: Permit) => T | PromiseLike<T>, task: TaskOptions = NO_OPTIONS): Promise<T> {
    if (typeof fn !== "function") throw invalid("run", "a function", fn);
    const submitted = this.#scheduler.submit(task, true);
    submitted.fn = fn;
    if (!this.#scheduler.config.enforce) return execute(shadow(submitted)) as Promise<T>;
    if (submitted.state === RUNNING) return execute(submitted) as Promise<T>;
    if (submitted.state === ENDED) return Promise.reject(submitted.more?.cause);
    return turnOf(submitted).then(start) as Promise<T>;
  }

  /**
   * Waits for a permit, to be released exactly once.
   *
   * @throws LanewayError when the task is refused; the reason of the caller's signal when that aborts.
   * @example
   * using permit = await ai.acquire({ lane: "batch", width: 2, timeoutMs: 5_000 });
   */
  acquire(task: TaskOptions = NO_OPTIONS): Promise<Permit> {
    const submitted = this.#scheduler.submit(task, true);
    if (!this.#scheduler.config.enforce) return Promise.resolve(shadow(submitted));
    if (submitted.state === RUNNING) return Promise.resolve(submitted);
    if (submitted.state === ENDED) return Promise.reject(submitted.more?.cause);
    return turnOf(submitted).then(unwrap);
  }

  /**
   * A permit if one can be had now without overtaking anybody, else undefined. Never waits, and leaves no trace when there
   * is none: adapters look here first and submit the task only then.
   */
  tryAcquire(task: TaskOptions = NO_OPTIONS): Permit | undefined {
    if (!this.#scheduler.config.enforce) return shadow(this.#scheduler.submit(task, true));
    const submitted = this.#scheduler.submit(task, false);
    return submitted?.state === RUNNING ? submitted : undefined;
  }

  /**
   * Refuses a task that whoever comes after this resource would refuse: for adapters that learned it from replies. It is
   * counted and recorded as rejected, for the reason `next-service`, and the error for its caller returned; undefined in
   * shadow mode, where the task goes on. `retryAfterMs` is when the next service takes such tasks again.
   */
  turnAway(task: TaskOptions, retryAfterMs: number): LanewayError | undefined {
    return turnAway(this.#scheduler, task, retryAfterMs);
  }

  /**
   * Resolves when the lane can take one more task: one producer per vacancy, in order.
   *
   * @throws LanewayError `LANEWAY_DRAINING`; the reason of the signal when that aborts.
   */
  ready(task: Pick<TaskOptions, "lane" | "signal"> = NO_OPTIONS): Promise<void> {
    const lane = laneFor(this.#scheduler, task, this.#scheduler.context?.get());
    return this.#scheduler.vacancies.ready(lane, task);
  }

  /**
   * Runs `fn` over every item, at most the limit at a time, and yields the results in the order of the items. Takes the
   * next item only when the lane has room for it, submits again what was shed, and stops at the first error of `fn`.
   *
   * @example
   * for await (const label of ai.map(documents, classify, { lane: "batch" })) save(label);
   */
  map<Item, Result>(
    items: Iterable<Item> | AsyncIterable<Item>,
    fn: (item: Item, permit: Permit) => Result | PromiseLike<Result>,
    task: TaskOptions = NO_OPTIONS,
  ): AsyncGenerator<Result, void, undefined> {
    return mapInLane(this, this.#scheduler, items, fn, task);
  }

  /**
   * Changes limit, lanes or order while tasks run and wait. Drops no waiter: those of a lane that is gone go to the
   * lowest. A change that is refused leaves everything as it was.
   *
   * @throws LanewayError `LANEWAY_INVALID` for a wrong option.
   */
  update(changes: ResourceChanges): void {
    knownKeys(`resource "${this.name}": update`, changes, CHANGEABLE);
    if (typeof changes.memory === "function")
      throw invalid(`resource "${this.name}": update: memory`, "true or false", changes.memory);
    const options = { ...this.#options, ...changes };
    const config = resourceConfig(options);
    const limit =
      changes.limit === undefined
        ? this.#scheduler.limit
        : limitOf(options, this.#ports, this.#scheduler.limit);
    // A limit that has shrunk by itself below what is reserved cuts guarantees; that is no mistake of this change.
    if (changes.limit !== undefined || changes.lanes !== undefined)
      checkGuarantees(`resource "${this.name}"`, mostSeats(limit), config.lanes);
    this.#options = options;
    if (changes.limit !== undefined) follow(this.#scheduler, limit);
    reconfigure(this.#scheduler, config);
  }

  /** One of the resource's budgets, by the name that tasks give; "" is the resource's own. */
  budget(name = ""): Budget {
    return budgetHandle(this.#scheduler, name);
  }

  /**
   * The permit of this resource under which the running code already runs: inside `map`, and inside `run` where
   * deadlocks are detected. For adapters, which must not take a second seat for the same work.
   */
  currentPermit(): Permit | undefined {
    return heldHere(this.#scheduler);
  }

  /** The state of the resource now, most important lane first. */
  snapshot(): ResourceSnapshot {
    return snapshotOf(this.#scheduler);
  }

  /**
   * What would become of a task that came now: whether it would start, wait or be refused, how many of its lane are
   * before it, and for how long it would wait. Nothing changes by asking, and nothing is kept for it.
   *
   * @throws LanewayError `LANEWAY_INVALID` for a wrong option or an unknown lane.
   * @example
   * const { outcome, waitMs } = ai.forecast({ lane: "batch", flow: "tenant-7" });
   */
  forecast(task: Pick<TaskOptions, "lane" | "flow" | "width" | "cost"> = NO_OPTIONS): Forecast {
    return forecastOf(this.#scheduler, task);
  }

  /** The records kept: tasks that were shed, late, slow or picked out of turn, newest last, at most 256. */
  records(): readonly TaskRecord[] {
    return this.#scheduler.records.recent();
  }

  /**
   * What a page of metrics tells beside the snapshot: exact counts since the start, and durations by bucket. Costs a pass
   * over the histograms, as a snapshot does.
   */
  measures(): ResourceMeasures {
    return measuresOf(this.#scheduler);
  }

  /**
   * Calls `listener` with the record of every task from now on; returns the function that stops it. `look` is called with
   * each submission, in its caller's async context, and the record comes with what it returned: a trace, say.
   *
   * @example
   * const stop = ai.onRecord((record, trace) => log(record.lane, record.waitMs, trace), () => currentTraceId());
   */
  onRecord<Seen = undefined>(
    listener: (record: TaskRecord, seen: Seen | undefined) => void,
    look?: () => Seen,
  ): () => void {
    return this.#scheduler.records.listen(listener as (record: TaskRecord, seen: unknown) => void, look);
  }

  /**
   * Refuses newcomers and resolves when everything that was accepted has ended: true, or false when `timeoutMs` (30 s
   * unless given) passed first and those still queued were given up.
   */
  drain(options: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    return drain(this.#scheduler, options.timeoutMs ?? 30_000);
  }
}

/** An estimator is known by the number it has; anything else that is an object should be options. */
function limitOf({ name, limit }: ResourceOptions, ports: Ports, before?: Limit): Limit {
  const at = `resource "${name}"`;
  if (typeof limit !== "object" || limit === null) return new FixedLimit(limitSeats(at, limit));
  if ("current" in limit) {
    limitSeats(at, limit.current);
    return limit;
  }
  const config = limitOptions(at, limit);
  const saturation = limit.saturation ?? ports.saturation;
  // What was learned holds within other bounds too.
  if (before instanceof AdaptiveLimit) return before.within(config, saturation);
  return new AdaptiveLimit(config, ports.clock, saturation);
}

/** What guarantees are checked against: an adaptive limit may come to have so many seats. */
function mostSeats(limit: Limit): number {
  return limit instanceof AdaptiveLimit ? limit.max : limit.current;
}

/** Shadow mode: what was decided is counted, and the task goes ahead all the same. */
function shadow(task: Task): Task {
  task.mark(SHADOW);
  return task;
}

/** The turn of a queued `run` has come: this runs as a reaction of its caller's promise, in its caller's context. */
function start(task: Task): unknown {
  unwrap(task);
  const signal = task.options.signal;
  if (signal?.aborted === true) {
    task.scheduler.release(task, true);
    throw signal.reason;
  }
  return execute(task);
}

function execute(task: Task): Promise<unknown> {
  const { scheduler } = task;
  return scheduler.nesting === undefined ? call(task) : runHolding(scheduler, task, () => call(task));
}

function call(task: Task): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (!task.is(SHADOW)) task.tell = reject;
    const fail = (error: unknown): void => {
      task.scheduler.end(task, true);
      reject(error);
    };
    try {
      const result = task.fn!(task);
      if (isThenable(result)) {
        result.then((value) => {
          task.scheduler.end(task, false);
          resolve(value);
        }, fail);
      } else {
        task.scheduler.end(task, false);
        resolve(result);
      }
    } catch (error) {
      fail(error);
    }
  });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as PromiseLike<unknown>).then === "function"
  );
}
