/**
 * The state of a `Laneway`, once a second: kept for five minutes and sent to whoever listens. Each tick is written as text
 * once, however many listen; one who does not read misses ticks instead of making us keep them.
 */

import type { ServerResponse } from "node:http";
import type { LaneSnapshot, ResourceSnapshot } from "../core/snapshot.ts";
import type { Laneway } from "../policy/laneway.ts";
import type { PolicyResource } from "../policy/policy.ts";
import { shownOverride } from "./overrides.ts";
import { seatsDue } from "./share.ts";
import { verdictOf } from "./verdict.ts";
import type { Standing } from "./verdict.ts";
import { PAST_FIELDS } from "./wire.ts";
import type { BudgetState, LaneTick, ResourceTick, State, Tick } from "./wire.ts";

const TICK_MS = 1_000;
const KEPT = 300;
/** Shares are told as the mean of so many ticks: one look says little. */
const SHARE_TICKS = 10;
/** Budgets of one resource that are told: each key and class of models has one. */
const BUDGETS_MOST = 12;
const LISTENERS_MOST = 200;
/** One that reads nothing for so long has gone without a word. */
const DEAF_TICKS = 60;

/** Calls `fn` again and again until what it returns is called. */
export type Repeat = (fn: () => void, everyMs: number) => () => void;

/** What the feed asks its owner for. */
export interface FeedOptions {
  readonly actions: boolean;
  readonly version: string;
  readonly gateway: string | undefined;
}

export class Feed {
  readonly #laneway: Laneway;
  readonly #options: FeedOptions;
  /** The seconds before the last one, in short. */
  readonly #past: string[] = [];
  #last = "";
  #lastInShort = "";
  readonly #shares: Shares = new Shares();
  readonly #listeners = new Map<ServerResponse, { missed: number }>();
  #state = "";
  #budgets = "[]";
  #stop: () => void = () => undefined;

  constructor(laneway: Laneway, options: FeedOptions) {
    this.#laneway = laneway;
    this.#options = options;
  }

  /** Ticks by itself from here on. */
  start(repeat: Repeat): void {
    this.tick();
    this.#stop = repeat(() => this.tick(), TICK_MS);
  }

  /** Looks once, keeps what it saw, and tells it. */
  tick(): void {
    const { resources } = this.#laneway.snapshot();
    const state = JSON.stringify(this.#stateOf(resources));
    const seen = this.#tickOf(resources);
    const tick = JSON.stringify(seen);
    const changed = state !== this.#state;
    this.#state = state;
    // Numbers of other resources and lanes would be read under the wrong names.
    if (changed && this.#shapeChanged(state)) this.#past.length = 0;
    else if (this.#past.push(this.#lastInShort) >= KEPT) this.#past.shift();
    this.#last = tick;
    this.#lastInShort = JSON.stringify(inShort(seen));
    this.#budgets = JSON.stringify(resources.flatMap(budgetsOf));
    const text = `${changed ? event("state", state) : ""}${this.#moment(tick)}`;
    for (const [res, listener] of this.#listeners) {
      if (!res.writableNeedDrain) {
        listener.missed = 0;
        res.write(text);
      } else if (++listener.missed >= DEAF_TICKS) res.destroy();
    }
  }

  /** Everything there is now, as the text of a JSON object: `Snapshot` of the wire. */
  get text(): string {
    return `{"state":${this.#state},"ticks":[${[...this.#past, this.#last].join(",")}],"budgets":${this.#budgets}}`;
  }

  /** Takes a reply over as a stream of events; false when there are too many. */
  listen(res: ServerResponse): boolean {
    if (this.#listeners.size >= LISTENERS_MOST) return false;
    res.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
    res.write(`retry: 2000\n\n${event("state", this.#state)}${this.#moment(this.#last)}`);
    this.#listeners.set(res, { missed: 0 });
    res.on("close", () => this.#listeners.delete(res));
    return true;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  close(): void {
    this.#stop();
    for (const res of this.#listeners.keys()) res.end();
  }

  /** Most resources have no budget, and then nothing is said of any. */
  #moment(tick: string): string {
    return `${this.#budgets === "[]" ? "" : event("budgets", this.#budgets)}${event("tick", tick)}`;
  }

  #shape = "";

  #shapeChanged(state: string): boolean {
    const { resources } = JSON.parse(state) as State;
    const shape = JSON.stringify(resources.map(({ name, lanes }) => [name, lanes]));
    const changed = shape !== this.#shape;
    this.#shape = shape;
    return changed;
  }

  #stateOf(resources: readonly ResourceSnapshot[]): State {
    const { policy } = this.#laneway;
    return {
      lanes: policy.lanes.map(({ name, objective, exempt }) => ({
        name,
        objectiveMs: objective.waitMs,
        success: objective.success ?? null,
        exempt,
      })),
      resources: resources.map(({ name, limitSignal, draining, lanes }) => {
        const resource = policy.resources[name];
        return {
          name,
          order: resource?.order ?? "strict",
          limitReason: limitSignal?.reason ?? "as the policy says",
          draining,
          lanes: lanes.map((lane) => lane.name),
          laneStates: lanes.map((lane) => stateOf(resource, lane.name)),
        };
      }),
      overrides: this.#laneway.overrides.map(shownOverride),
      file: policy.file ?? null,
      gateway: this.#options.gateway ?? null,
      enforced: policy.enforce,
      refusedEdit: this.#laneway.refusedEdit?.message ?? null,
      actions: this.#options.actions,
      version: this.#options.version,
    };
  }

  #tickOf(resources: readonly ResourceSnapshot[]): Tick {
    const { policy } = this.#laneway;
    const standings: Standing[] = [];
    const ticks = resources.map((snapshot): ResourceTick => {
      const resource = policy.resources[snapshot.name];
      const shares = this.#shares.of(snapshot, resource);
      const lanes = snapshot.lanes.map((lane, i): LaneTick => {
        const { got, due } = shares[i]!;
        const objectiveMs = policy.lanes.find(({ name }) => name === lane.name)?.objective.waitMs ?? Infinity;
        standings.push({
          resource: snapshot.name,
          lane: lane.name,
          waiting: lane.waiting,
          waitP99Ms: lane.waitMs.p99,
          objectiveMs,
          perMinute: lane.throughputPerMinute,
          got,
          due,
          paused: stateOf(resource, lane.name) === "paused",
          forBudget: lane.waiting > 0 && snapshot.seatsInUse < snapshot.limit && budgetWaiters(snapshot) > 0,
        });
        return numbers(lane, got / snapshot.limit, due / snapshot.limit);
      });
      return { limit: snapshot.limit, seats: snapshot.seatsInUse, lanes };
    });
    return { at: Date.now(), verdict: verdictOf(standings, resources.length > 1), resources: ticks };
  }
}

/** What is kept of a second that has passed. */
function inShort({ at, resources }: Tick): Tick {
  return {
    at,
    resources: resources.map(({ limit, seats, lanes }) => ({
      limit,
      seats,
      lanes: lanes.map((lane) => lane.slice(0, PAST_FIELDS)),
    })),
  };
}

/** Those that somebody waits for first. */
function budgetsOf({ name: resource, budgets }: ResourceSnapshot): BudgetState[] {
  return budgets
    .toSorted((a, b) => b.waiting - a.waiting)
    .slice(0, BUDGETS_MOST)
    .map(({ name, pausedMs, waiting, ...kinds }) => ({
      resource,
      name,
      pausedMs: Math.round(pausedMs),
      waiting,
      allowances: Object.entries(kinds).map(([kind, { left, perMinute }]) => ({
        kind,
        left: Math.round(left),
        perMinute,
      })),
    }));
}

function budgetWaiters({ budgets }: ResourceSnapshot): number {
  return budgets.reduce((sum, { waiting }) => sum + waiting, 0);
}

function stateOf(resource: PolicyResource | undefined, lane: string): string {
  return resource?.lanes.find(({ name }) => name === lane)?.state ?? "open";
}

/** In the order of `LANE_FIELDS`. */
function numbers(lane: LaneSnapshot, got: number, due: number): LaneTick {
  return [
    lane.waiting,
    tenths(lane.waitMs.p99),
    lane.rejected + lane.evicted + lane.timedOut,
    lane.running,
    lane.seats,
    lane.reservation,
    lane.ceiling,
    tenths(lane.oldestMs),
    tenths(lane.waitMs.p50),
    tenths(lane.runMs.p50),
    tenths(lane.throughputPerMinute),
    lane.finished,
    lane.failed,
    lane.cancelled,
    Math.round(got * 1_000) / 1_000,
    Math.round(due * 1_000) / 1_000,
  ];
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Seats that each lane had and was due, over the last ticks. */
class Shares {
  readonly #last = new Map<string, { got: number[]; due: number[] }[]>();

  of(snapshot: ResourceSnapshot, resource: PolicyResource | undefined): { got: number; due: number }[] {
    const { lanes, limit, name, seatsInUse } = snapshot;
    const kept = lanes.reduce((sum, { floor, seats }) => sum + Math.max(0, floor - seats), 0);
    // No seat stays free while a task waits for one: those who wait beside free seats wait for a budget, and are due none.
    const waitsForSeats = seatsInUse + kept >= limit;
    const due = seatsDue(
      limit,
      resource?.order ?? "strict",
      lanes.map((lane) => ({
        wanted: lane.seats + (waitsForSeats ? lane.waiting : 0),
        reservation: lane.reservation,
        floor: lane.floor,
        ceiling: lane.ceiling,
        weight: resource?.lanes.find((one) => one.name === lane.name)?.weight ?? 1,
      })),
    );
    let last = this.#last.get(name);
    if (last?.length !== lanes.length) {
      last = lanes.map(() => ({ got: [], due: [] }));
      this.#last.set(name, last);
    }
    return lanes.map((lane, i) => {
      const { got: hadSeats, due: dueSeats } = last[i]!;
      return { got: meanWith(hadSeats, lane.seats), due: meanWith(dueSeats, due[i]!) };
    });
  }
}

function meanWith(values: number[], value: number): number {
  if (values.push(value) > SHARE_TICKS) values.shift();
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}

function event(name: string, data: string): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}
