/** What became of the calls of a stream. Times are milliseconds; latency counts from the instant a call was due. */

import { TimeHistogram } from "./histogram.ts";
import type { Spread } from "./histogram.ts";

/** How one call ended, as the sender saw it. */
export interface CallOutcome {
  /** The status code, or 0 when no reply came. */
  readonly status: number;
  /** The time queued as the gateway tells it, if it does. */
  readonly waitMs?: number | undefined;
  /** The lane as the gateway tells it. */
  readonly lane?: string | undefined;
  /** Why no reply came. */
  readonly error?: string | undefined;
}

/** One call that has settled. */
export interface Sample {
  readonly dueMs: number;
  readonly latencyMs: number;
  readonly outcome: "served" | "refused" | "failed";
  readonly status: number;
  readonly waitMs: number | undefined;
  readonly lane: string | undefined;
}

/** What became of one stream. */
export interface StreamResult {
  readonly name: string;
  readonly sent: number;
  /** Not sent because too many were in flight. */
  readonly skipped: number;
  /** Answered with a status below 400. */
  readonly served: number;
  /** Answered with 429, 503, 504 or 529: told to come back or to give up. */
  readonly refused: number;
  /** Any other error, or no reply. */
  readonly failed: number;
  /** Sent, and not settled when the run ended. */
  readonly pending: number;
  readonly latencyMs: Spread;
  readonly waitMs: Spread;
  /** When the last served reply was whole, from the start of the run. */
  readonly lastServedAtMs: number;
  /** Served calls by the lane that the gateway named. */
  readonly lanes: Readonly<Record<string, number>>;
  /** The first few reasons of failed calls. */
  readonly errors: readonly string[];
}

const REFUSALS: ReadonlySet<number> = new Set([429, 503, 504, 529]);
const ERRORS_KEPT = 5;

/** Collects the outcomes of one stream as they come. */
export class StreamRecorder {
  readonly #name: string;
  readonly #latency = new TimeHistogram();
  readonly #wait = new TimeHistogram();
  readonly #lanes = new Map<string, number>();
  readonly #errors: string[] = [];
  readonly #counts = { sent: 0, skipped: 0, served: 0, refused: 0, failed: 0 };
  #lastServedAt = 0;

  constructor(name: string) {
    this.#name = name;
  }

  send(): void {
    this.#counts.sent++;
  }

  skip(): void {
    this.#counts.skipped++;
  }

  /** Both instants are milliseconds from the start of the run. */
  settle(dueMs: number, settledMs: number, outcome: CallOutcome): Sample {
    const kind = kindOf(outcome.status);
    const latencyMs = settledMs - dueMs;
    this.#counts[kind]++;
    if (kind === "served") {
      this.#latency.record(latencyMs);
      if (outcome.waitMs !== undefined) this.#wait.record(outcome.waitMs);
      if (outcome.lane !== undefined) this.#lanes.set(outcome.lane, (this.#lanes.get(outcome.lane) ?? 0) + 1);
      this.#lastServedAt = Math.max(this.#lastServedAt, settledMs);
    } else if (this.#errors.length < ERRORS_KEPT) {
      this.#errors.push(outcome.error ?? `status ${outcome.status}`);
    }
    return {
      dueMs,
      latencyMs,
      outcome: kind,
      status: outcome.status,
      waitMs: outcome.waitMs,
      lane: outcome.lane,
    };
  }

  result(): StreamResult {
    const { sent, skipped, served, refused, failed } = this.#counts;
    return {
      name: this.#name,
      sent,
      skipped,
      served,
      refused,
      failed,
      pending: sent - served - refused - failed,
      latencyMs: this.#latency.spread(),
      waitMs: this.#wait.spread(),
      lastServedAtMs: this.#lastServedAt,
      lanes: Object.fromEntries(this.#lanes),
      errors: this.#errors,
    };
  }
}

/** What a status means for a client: below 400 it was served; 0 is no reply. */
export function kindOf(status: number): "served" | "refused" | "failed" {
  if (status > 0 && status < 400) return "served";
  return REFUSALS.has(status) ? "refused" : "failed";
}
