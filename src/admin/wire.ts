/**
 * What the live page, `laneway top` and whoever else reads the feed are told. Once a second a tick: numbers in a fixed
 * order. What they are called, and all that seldom changes, is in the state.
 */

/** The numbers of a lane in a tick, in this order. Times are milliseconds, shares are parts of the limit. */
export const LANE_FIELDS = [
  "waiting",
  "waitP99Ms",
  "shed",
  "running",
  "seats",
  "reservation",
  "ceiling",
  "oldestMs",
  "waitP50Ms",
  "runP50Ms",
  "perMinute",
  "finished",
  "failed",
  "cancelled",
  "got",
  "due",
] as const;

/**
 * As many of them are kept of the seconds that have passed: what is drawn over time. With all of them the page that
 * begins with five minutes was four times as long, and its first paint came later.
 */
export const PAST_FIELDS = 3;

/** The name of one number of a lane. */
export type LaneField = (typeof LANE_FIELDS)[number];

/** The numbers of a lane, as `LANE_FIELDS` orders them; of a second that has passed the first `PAST_FIELDS` of them. */
export type LaneTick = readonly number[];

/** One resource in a tick; lanes in the order of the state's. */
export interface ResourceTick {
  readonly limit: number;
  readonly seats: number;
  readonly lanes: readonly LaneTick[];
}

/** One second. */
export interface Tick {
  /** Milliseconds of the calendar's clock. */
  readonly at: number;
  /** Absent from those that have passed. */
  readonly verdict?: Verdict;
  /** In the order of the state's. */
  readonly resources: readonly ResourceTick[];
}

/** One sentence on how things stand, and how bad that is. */
export interface Verdict {
  readonly level: "ok" | "yielding" | "missed";
  readonly text: string;
}

/** A lane of the policy, most important first. */
export interface LaneState {
  readonly name: string;
  readonly objectiveMs: number;
  /** The part of its tasks that is to be served; null when nobody said. */
  readonly success: number | null;
  readonly exempt: boolean;
}

/** A resource of the policy. */
export interface ResourceState {
  readonly name: string;
  readonly order: "strict" | "weighted";
  /** Why the limit is what it is. */
  readonly limitReason: string;
  readonly draining: boolean;
  /** The names of its lanes. */
  readonly lanes: readonly string[];
  /** Of each lane: "open", "paused" or "draining". */
  readonly laneStates: readonly string[];
}

/** A change for a time, as it is shown. */
export interface ShownOverride {
  readonly id: string;
  /** "db, lane bulk: paused". */
  readonly text: string;
  readonly until: number;
  readonly note: string | null;
  /** The command that ends it. */
  readonly command: string;
}

/** One budget of a resource, as it is now; sent with a tick, of the last one only. */
export interface BudgetState {
  readonly resource: string;
  readonly name: string;
  /** Milliseconds until it may be used again; 0 when it is not paused. */
  readonly pausedMs: number;
  /** Tasks in the queue that need it. */
  readonly waiting: number;
  readonly allowances: readonly {
    readonly kind: string;
    readonly left: number;
    readonly perMinute: number;
  }[];
}

/** All that the page begins with. */
export interface Snapshot {
  /** Null for a reader who has to sign in first. */
  readonly state: State | null;
  /** Of the last one all is told, of those before what `PAST_FIELDS` says. */
  readonly ticks: readonly Tick[];
  readonly budgets: readonly BudgetState[];
}

/** What seldom changes; sent at first and whenever it does. */
export interface State {
  readonly lanes: readonly LaneState[];
  readonly resources: readonly ResourceState[];
  readonly overrides: readonly ShownOverride[];
  readonly file: string | null;
  /** The URL of the gateway whose pages these are, for who looks for a request that never came; null in a program. */
  readonly gateway: string | null;
  /** False: shadow mode. */
  readonly enforced: boolean;
  /** Why the last edit of the file was refused; null while it is in force. */
  readonly refusedEdit: string | null;
  /** Whether actions are possible at all: a token is set. */
  readonly actions: boolean;
  readonly version: string;
}

/** What became of one request. Never what was asked: no path, no prompt, no header. */
export interface Journey {
  readonly id: string;
  readonly at: number;
  readonly resource: string;
  readonly lane: string;
  readonly flow: string;
  /** What chose the lane. */
  readonly rule: string | null;
  readonly outcome: string;
  readonly reason: string | null;
  /** The reason in words. */
  readonly why: string | null;
  readonly position: number;
  /** Seats held by each lane when it had to wait or was refused. */
  readonly ahead: Readonly<Record<string, number>>;
  readonly waitMs: number;
  readonly runMs: number;
  readonly retryAfterMs: number | null;
  readonly budget: string | null;
  readonly late: boolean;
  readonly slow: boolean;
  readonly outOfTurn: boolean;
  /** What the gateway knows beside: each try with what came of it, and when the first byte of the reply did. */
  readonly tries: readonly { readonly result: string; readonly ms: number }[];
  readonly firstByteMs: number | null;
}

/** What would become of a request that came now. */
export interface ShownForecast {
  readonly resource: string;
  readonly lane: string;
  readonly flow: string;
  readonly outcome: "starts" | "waits" | "refused";
  /** Why it is refused, or "paused" where it waits for its lane to be opened again. */
  readonly reason: string | null;
  /** Requests of its lane that would go before it, at most. */
  readonly position: number;
  /** Null: nothing has been measured yet, or its lane is paused. */
  readonly waitMs: number | null;
  /** Milliseconds after which the lane gives up what waits. */
  readonly queueTimeoutMs: number;
}
