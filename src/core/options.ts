/**
 * Every option of a resource, its default and its bound. Nothing else in `src/core` validates: past this file the
 * numbers are finite and the names known.
 */

import type { Clock } from "./clock.ts";
import type { Limit, Saturation } from "./limit/limit.ts";

/** A share of something, as text: `"40%"`. */
export type Percent = `${number}%`;

/** What a lane does with newcomers and with those that wait. */
export type LaneState = "open" | "paused" | "draining";

/**
 * A class of importance with its own queue. Lanes are listed most important first: the order is the rank.
 *
 * @example
 * { name: "critical", reservation: 2, lendable: 0, queue: { max: 100, timeoutMs: 5_000 } }
 */
export interface LaneOptions {
  readonly name: string;
  /** Seats guaranteed to the lane, or a percentage of the limit. Default 0. */
  readonly reservation?: number | Percent;
  /** The part of the idle reservation that others may use: seats, or a percentage of the reservation. Default "100%". */
  readonly lendable?: number | Percent;
  /** The most seats the lane may hold, or a percentage of the limit. Default: the limit. */
  readonly ceiling?: number | Percent;
  /** Share beyond reservations under `order: "weighted"`. Default 1. */
  readonly weight?: number;
  /** The whole task: wait, run and retries. Default by name (30 s for critical … 5 min for bulk). */
  readonly timeoutMs?: number;
  /** The lane's queue: how many may wait, and how long. Default by name. */
  readonly queue?: { readonly max?: number; readonly timeoutMs?: number };
  /** The age past which a waiter of this lane may be picked out of turn. Default: the resource's `aging.afterMs`. */
  readonly aging?: { readonly afterMs: number };
  /** Takes no seat and never waits, but is counted. Default false. */
  readonly exempt?: boolean;
  /**
   * "paused": newcomers queue and nothing starts; "draining": newcomers are refused and what waits is served. For an
   * operator's hand: set it by `update`, and back. Default "open".
   */
  readonly state?: LaneState;
}

/**
 * An amount of each kind that budgets are kept in. Tokens are units of model text.
 *
 * @example
 * { requests: 1, inputTokens: 1_200, outputTokens: 400 }
 */
export interface Cost {
  readonly requests?: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
}

/**
 * What a resource may use in a minute, of each kind: a bucket of that size, full at the start and refilled all the time.
 * Kinds left out are unlimited. Each name that tasks give as their `budget` has buckets of its own.
 *
 * @example
 * { requests: 4_000, inputTokens: 400_000, of: (name) => (name === "haiku" ? { requests: 8_000 } : undefined) }
 */
export interface BudgetOptions {
  readonly requests?: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  /** Sizes for one named budget where they differ; undefined: those above. */
  readonly of?: (name: string) => Cost | undefined;
  /**
   * How much later than another a task may reach what is limited, in milliseconds: a full bucket begins to refill only
   * so long after it was used, so that one that was slow on its way does not find less than was left here. Default 0.
   */
  readonly spreadMs?: number;
}

/**
 * A limit that is learned: it grows while more at once brings more done, and shrinks where more at once only makes
 * everything slower, where tasks fail, and where nothing ends any more.
 *
 * @example
 * new Resource({ name: "http", limit: { adaptive: true, min: 8, max: 500 } });
 */
export interface LimitOptions {
  readonly adaptive: true;
  /** Seats that it never goes below. Default 2, and always what the floors of the lanes need. */
  readonly min?: number;
  /** Seats that it never passes. Default 1,000. */
  readonly max?: number;
  /** Seats to begin with. Default 20, within `min` and `max`. */
  readonly start?: number;
  /** Signals from beside the tasks: a busy event loop, memory. Asked once in a while; default on Node: those of the process. */
  readonly saturation?: () => Saturation | undefined;
}

/** Options of a `Resource`; all but `name` and `limit` have safe defaults. */
export interface ResourceOptions {
  readonly name: string;
  /** Seats in all: how much may run at once. A number, one that is learned, or an estimator of your own. */
  readonly limit: number | LimitOptions | Limit;
  /** Most important first. Default: critical, high, normal, low and bulk with 40, 30, 20, 10 and 0 %. */
  readonly lanes?: readonly LaneOptions[];
  /** The lane of a task that names none. Default `normal` where there is one, else the lowest. */
  readonly defaultLane?: string;
  /** Who gets what is left beyond reservations: the highest waiting lane, or all by weight. Default "strict". */
  readonly order?: "strict" | "weighted";
  /** The part of the seat-time that may go to the longest waiters, out of turn. Default 5 % after 30 s. */
  readonly aging?: { readonly afterMs?: number; readonly budget?: number } | false;
  /** A bound on all lanes' queues together. Default: the sum of the lanes' own, and "reject". */
  readonly queue?: { readonly max?: number; readonly whenFull?: "reject" | "evict" };
  /** The share of a flow inside its lane. Default 1 for every flow. */
  readonly flowWeight?: (flow: string) => number;
  /** What may be used in a minute, in requests and tokens. Default: no limit but the seats. */
  readonly budgets?: BudgetOptions;
  /** False: decide, count and explain, but hold nothing back (shadow mode). Default true. */
  readonly enforce?: boolean;
  /** Refuse a nested wait that could never end. Default false here, true for the resources of a `Laneway`. */
  readonly detectDeadlock?: boolean;
  /**
   * The part of the memory that is in use, from 0 to 1. From 90 % up the lowest lane takes one task at a time and refuses
   * the rest, the others follow one by one up to 98 %, the top lane never does. Default on Node: the process against its
   * container's limit, or its heap against its own, whichever is fuller. Asked once a second while there is enough. False: memory refuses nobody.
   */
  readonly memory?: (() => number | undefined) | boolean;
  /** Time; default: the system's monotonic clock. */
  readonly clock?: Clock;
  /** Chance, for the jitter of retry-after; from 0 to 1. Default `Math.random`. */
  readonly random?: () => number;
}

/** What one task asks for; every field is optional. */
export interface TaskOptions {
  /** The lane's name. Default: the lane of the async context, else the resource's default lane. */
  readonly lane?: string;
  /** Who is asking: the unit of fairness inside the lane. */
  readonly flow?: string;
  /** An identifier for records; generated when absent and somebody reads it. */
  readonly id?: string;
  /** Handed on to the task's record as it is: what its submitter wants to find there. */
  readonly note?: object;
  /** Seats the task takes. Default 1; clamped to what its lane could ever hold. */
  readonly width?: number;
  /**
   * What the task will probably use of its budget. Default one request and no tokens; more than its lane could ever
   * have counts as that much. A function is asked again while the task waits, for an estimate that learns meanwhile; it
   * must do nothing but answer.
   */
  readonly cost?: Cost | (() => Cost);
  /** The named budget it needs; of several, the one with most left is used. Default "", the resource's own. */
  readonly budget?: string | readonly string[];
  /**
   * Milliseconds it has waited in earlier submissions: it stands before those of its flow that came after it first did,
   * and aging counts them. Default 0.
   */
  readonly waitedMs?: number;
  /** Gives the wait up, and aborts the permit's signal. */
  readonly signal?: AbortSignal;
  /** The whole task: wait, run and retries, in milliseconds. Default: the lane's. */
  readonly timeoutMs?: number;
  /** The instant after which the result is useless, on the resource's clock. */
  readonly deadline?: number;
  /** What chose the lane, for the record: a rule and its line, say. */
  readonly rule?: string;
}

/** Those of a task that says nothing of itself: known by identity, for to look for ten absent fields costs each task 20 ns. */
export const NO_OPTIONS: TaskOptions = Object.freeze({});

/** What is known of a task only when it ends, handed to `permit.release`. */
export interface Actual {
  /** The task did not succeed: counted as failed instead of finished. */
  readonly failed?: boolean;
  /** What it really used: corrects its budget. Kinds left out, and all of it without this, stay as estimated. */
  readonly cost?: Cost;
}

/** The five lanes of an empty policy, with the defaults behind each name. */
export interface LaneDefaults {
  readonly reservation: Percent;
  readonly lendable: Percent;
  readonly timeoutMs: number;
  readonly queueMax: number;
  readonly queueTimeoutMs: number;
  readonly objectiveWaitMs: number;
}

const SECOND = 1_000;
const MINUTE = 60_000;

/** The default lanes by name, most important first; `batch` answers to the defaults of `bulk`. */
export const DEFAULT_LANES: Readonly<Record<string, LaneDefaults>> = {
  critical: {
    reservation: "40%",
    lendable: "50%",
    timeoutMs: 30 * SECOND,
    queueMax: 1_000,
    queueTimeoutMs: 10 * SECOND,
    objectiveWaitMs: 100,
  },
  high: {
    reservation: "30%",
    lendable: "100%",
    timeoutMs: 30 * SECOND,
    queueMax: 1_000,
    queueTimeoutMs: 10 * SECOND,
    objectiveWaitMs: SECOND,
  },
  normal: {
    reservation: "20%",
    lendable: "100%",
    timeoutMs: MINUTE,
    queueMax: 2_000,
    queueTimeoutMs: MINUTE,
    objectiveWaitMs: 10 * SECOND,
  },
  low: {
    reservation: "10%",
    lendable: "100%",
    timeoutMs: 2 * MINUTE,
    queueMax: 5_000,
    queueTimeoutMs: 2 * MINUTE,
    objectiveWaitMs: MINUTE,
  },
  bulk: {
    reservation: "0%",
    lendable: "100%",
    timeoutMs: 5 * MINUTE,
    queueMax: 10_000,
    queueTimeoutMs: 5 * MINUTE,
    objectiveWaitMs: 5 * MINUTE,
  },
};

/** The defaults behind a lane's name: its own row, `batch` as `bulk`, anything else as `normal`. */
export function laneDefaults(name: string): LaneDefaults {
  const row = DEFAULT_LANES[name === "batch" ? "bulk" : name];
  return (
    (Object.hasOwn(DEFAULT_LANES, name === "batch" ? "bulk" : name) ? row : undefined) ??
    DEFAULT_LANES["normal"]!
  );
}
