/**
 * Recorded arrivals through the real scheduler in simulated time. The load is open: each task comes when it came, however
 * those before it fare, and runs for as long as it ran. The scheduler is driven directly, without the promises of a
 * `Resource`, which would cost as much again as its decisions.
 */

import { resourceConfig } from "../../core/config.ts";
import { isLanewayError } from "../../core/errors.ts";
import { FixedLimit } from "../../core/limit/fixed.ts";
import type { Limit } from "../../core/limit/limit.ts";
import type { TaskOptions } from "../../core/options.ts";
import { Scheduler } from "../../core/scheduler.ts";
import { ENDED, RUNNING, WAITING } from "../../core/task.ts";
import type { Task } from "../../core/task.ts";
import { resourceOptions } from "../../policy/options.ts";
import type { Policy, PolicyResource } from "../../policy/policy.ts";
import { seededRandom } from "../load/random.ts";
import type { Arrivals } from "../recording/arrivals.ts";
import { Agenda, ReplayClock } from "./clock.ts";
import type { Durations } from "./durations.ts";
import { FollowedLimit } from "./limit.ts";
import type { Move } from "./limit.ts";
import { NOT_OURS } from "./outcomes.ts";
import { CANCELLED, Results } from "./results.ts";

/** One resource under one policy, and what comes to it. */
export interface ReplayOptions {
  readonly policy: Policy;
  readonly resource: PolicyResource;
  readonly arrivals: Arrivals;
  /** The numbers of the resource's arrivals, in order of arrival. */
  readonly order: Uint32Array;
  readonly durations: Durations;
  /** The policy's lane for each recorded one, by its number. */
  readonly laneOf: readonly string[];
  /** Where a learned limit was, in order. */
  readonly moves: readonly Move[];
  /** The bound at which a learned limit stood when it could go no higher. */
  readonly pinnedAt: number;
  readonly seed: number;
  /** A flow whose arrivals belong to another lane of the policy than the one that they were recorded in. */
  readonly moved?: { readonly flow: number; readonly lane: string } | undefined;
  /** How many times the state of the resource is looked at, evenly over the recording. Default 0. */
  readonly looks?: number;
}

/**
 * What becomes of the arrivals under the policy.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a resource that cannot be made.
 */
export function replay(options: ReplayOptions): Results {
  return new Replay(options).run();
}

class Replay {
  readonly #options: ReplayOptions;
  readonly #clock = new ReplayClock();
  readonly #scheduler: Scheduler;
  readonly #followed: FollowedLimit | undefined;
  readonly #ends = new Agenda<Task>();
  readonly #results: Results;

  constructor(options: ReplayOptions) {
    const { policy, resource, order, arrivals } = options;
    const { limit } = resource;
    this.#options = options;
    this.#clock.time = arrivals.atMs[order[0]!]!;
    this.#followed = typeof limit === "number" ? undefined : followed(limit, options, this.#clock.time);
    const config = resourceConfig(resourceOptions(policy, resource));
    const port: Limit = this.#followed ?? new FixedLimit(limit as number);
    const random = seededRandom(options.seed);
    this.#scheduler = new Scheduler(resource.name, config, port, { clock: this.#clock, random });
    this.#results = new Results(order.length, this.#scheduler, this.#clock.time);
  }

  run(): Results {
    const { order, arrivals, looks = 0 } = this.#options;
    const { atMs } = arrivals;
    const clock = this.#clock;
    const ends = this.#ends;
    const firstAt = atMs[order[0]!]!;
    const lastAt = atMs[order[order.length - 1]!]!;
    const everyMs = looks === 0 ? Infinity : Math.max(1, (lastAt - firstAt) / looks);
    let lookAt = looks === 0 ? Infinity : firstAt;
    let place = 0;
    for (;;) {
      const arrivesAt = place < order.length ? atMs[order[place]!]! : Infinity;
      const endsAt = ends.nextAt;
      const callAt = clock.nextAt;
      if (arrivesAt === Infinity && this.#scheduler.idle) break;
      const nextAt = Math.min(arrivesAt, endsAt, callAt, this.#followed?.nextAt ?? Infinity);
      if (lookAt <= nextAt && lookAt <= lastAt) {
        this.#results.look(lookAt);
        lookAt += everyMs;
      } else if (endsAt === nextAt) {
        clock.time = endsAt;
        this.#end(ends.take());
      } else if (callAt === nextAt) clock.call();
      else if (arrivesAt === nextAt) {
        clock.time = arrivesAt;
        this.#arrive(place++);
      } else this.#move();
    }
    return this.#results;
  }

  #move(): void {
    this.#clock.time = Math.max(this.#clock.time, this.#followed!.nextAt);
    this.#followed!.move();
  }

  #arrive(place: number): void {
    const { arrivals, order, laneOf, moved } = this.#options;
    const index = order[place]!;
    const isMoved = moved !== undefined && arrivals.flow[index] === moved.flow;
    const lane = isMoved ? moved.lane : laneOf[arrivals.lane[index]!]!;
    this.#results.offered(place, lane);
    const reason = arrivals.reason[index]!;
    // What was refused for another cause than lanes would be again.
    if (reason > 0 && NOT_OURS.has(arrivals.reasons.list[reason]!))
      return this.#results.refused(place, arrivals.reasons.list[reason]!);
    const task = this.#scheduler.submit(this.#taskOf(index, lane), true);
    if (task.state === RUNNING) return this.#started(place, task);
    if (task.state === ENDED) return this.#refused(place, task);
    task.tell = () => (task.state === RUNNING ? this.#started(place, task) : this.#refused(place, task));
    const patienceMs = this.#patienceMs(index);
    if (patienceMs < Infinity)
      this.#clock.after(patienceMs, () => {
        if (task.state === WAITING) this.#scheduler.giveUp(task, LEFT);
      });
  }

  #taskOf(index: number, lane: string): TaskOptions {
    const { arrivals } = this.#options;
    const flow = arrivals.flows.list[arrivals.flow[index]!]!;
    const width = arrivals.width[index]!;
    const timeoutMs = arrivals.timeoutMs[index]!;
    const inputTokens = arrivals.inputTokens[index]!;
    const plain = width === 1 && Number.isNaN(timeoutMs) && Number.isNaN(inputTokens);
    if (plain && arrivals.budget[index] === 0) return { lane, flow };
    const known = Number.isNaN(inputTokens)
      ? {}
      : { cost: { inputTokens, outputTokens: arrivals.outputTokens[index] || 0 } };
    return {
      lane,
      flow,
      width,
      budget: arrivals.budgets.list[arrivals.budget[index]!]!,
      ...(Number.isNaN(timeoutMs) ? {} : { timeoutMs }),
      ...known,
    };
  }

  /** A caller that left while it waited would have waited as long, and no longer. */
  #patienceMs(index: number): number {
    const { arrivals } = this.#options;
    return arrivals.outcomeOf(index) === "cancelled" ? arrivals.waitMs[index]! : Infinity;
  }

  #started(place: number, task: Task): void {
    this.#results.started(place, task.waitMs);
    this.#ends.add(task.startedAt! + this.#options.durations.ms[place]!, task);
  }

  #refused(place: number, task: Task): void {
    const cause = task.more?.cause;
    this.#results.refused(place, isLanewayError(cause) ? cause.reason : CANCELLED);
  }

  #end(task: Task): void {
    this.#results.ended(task);
    this.#scheduler.release(task, false);
  }
}

const LEFT = new Error("its caller left");

/** Before the first move it is where the recording says it was, which is the first move. */
function followed(
  limit: Exclude<PolicyResource["limit"], number>,
  { moves, pinnedAt }: ReplayOptions,
  from: number,
): FollowedLimit {
  const before = moves.filter(({ atMs }) => atMs <= from);
  const start = (before.at(-1) ?? moves[0])?.seats ?? limit.start;
  return new FollowedLimit(moves.slice(before.length), { ...limit, start, pinnedAt });
}
