/**
 * A recording of arrivals: JSON lines. The first is a header, an object; each arrival is an array with one place for each
 * of the header's columns; what else is told in between (a limit that moved, a policy that was edited, arrivals that
 * were lost) is an object. It says who asked when and for how long, and nothing of what was asked: no path, header, key or
 * prompt, and flows and budgets only as salted hashes.
 */

/** What of the format is written and read here. */
export const RECORDING_VERSION = 1;

/** How a task may have ended, in the words of the scheduler's records. */
export const OUTCOMES = ["finished", "failed", "rejected", "evicted", "timedOut", "cancelled"] as const;

/** How a task ended. The first two had a seat, the others never started. */
export type RecordedOutcome = (typeof OUTCOMES)[number];

/** The columns of an arrival, in the order in which they are written. */
export const COLUMNS = [
  "at",
  "resource",
  "lane",
  "flow",
  "width",
  "waitMs",
  "runMs",
  "outcome",
  "reason",
  "requestBytes",
  "replyBytes",
  "timeoutMs",
  "budget",
  "inputTokens",
  "outputTokens",
] as const;

/** The name of one column. */
export type Column = (typeof COLUMNS)[number];

/** One task as it is written. What is undefined was not known. */
export interface RecordedArrival {
  /** When it was submitted: milliseconds from the start of the recording. */
  readonly atMs: number;
  readonly resource: string;
  readonly lane: string;
  /** Who asked; the writer hashes it. */
  readonly flow: string;
  readonly width: number;
  readonly waitMs: number;
  /** How long it held its seats. */
  readonly runMs: number;
  readonly outcome: RecordedOutcome;
  /** Why it was refused: one of the reasons of the errors. */
  readonly reason: string | undefined;
  readonly requestBytes: number | undefined;
  readonly replyBytes: number | undefined;
  /** How long its caller would wait at most, where that is not the lane's own time-out. */
  readonly timeoutMs: number | undefined;
  /** The budget that it was charged to, and what it used of it. The writer hashes the name. */
  readonly budget: string | undefined;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
}

/** One resource as it was when it was recorded. */
export interface RecordedResource {
  readonly name: string;
  /** Seats at that moment. */
  readonly limit: number;
  /** Whether the limit was learned: it is then followed, not held. */
  readonly adaptive: boolean;
  /** Most important first. */
  readonly lanes: readonly string[];
}

/** The first line. Another one further down says that the recorder was started again. */
export interface HeaderLine {
  readonly laneway: "recording";
  readonly version: number;
  /** Wall-clock time, as ISO 8601. */
  readonly started: string;
  /** `policyDigest` of the policy in force. */
  readonly policy: string;
  readonly resources: readonly RecordedResource[];
  readonly columns: readonly string[];
}

/** Another policy came into force. */
export interface PolicyLine {
  readonly at: number;
  readonly policy: string;
  readonly resources: readonly RecordedResource[];
}

/** A learned limit moved. */
export interface LimitLine {
  readonly at: number;
  readonly resource: string;
  readonly limit: number;
}

/** So many arrivals were lost since the last line of this kind: the disk was slower than they came. */
export interface DroppedLine {
  readonly at: number;
  readonly dropped: number;
}

/** The recorder was closed in order. */
export interface EndLine {
  readonly ended: number;
  readonly arrivals: number;
}
