/**
 * Whether a failed try is made again, and when. A retry is cheap for one call and ruinous for all of them: an upstream
 * that fails under load gets three times the load. So retries are paid from a budget, a tenth of the lane's own traffic.
 */

import { invalid } from "../core/errors.ts";
import type { Verdict } from "../providers/provider.ts";

/** How often and how much is tried again. */
export interface RetryOptions {
  /** All tries of one call, the first included. */
  readonly attempts: number;
  /** Retries as a fraction of a lane's calls: 0.1 is one retry for every ten calls. */
  readonly budget: number;
  /** Chance for the jitter, from 0 to 1. */
  random(): number;
  /** Milliseconds, monotonic. */
  now(): number;
}

const ATTEMPTS_MAX = 10;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 8_000;
/** An upstream that asks for more than this is out for the hour or the day; its caller should know at once. */
export const LONGEST_RETRY_AFTER_MS: number = 5 * 60_000;
/** What a lane may retry beyond its tenth in one window: a tenth of a quiet lane's traffic is nothing. */
const ALWAYS_ALLOWED = 10;
/** Calls and retries are forgotten with this time constant, so calm hours pay for no storm. */
const WINDOW_MS = 30_000;

interface Traffic {
  started: number;
  retried: number;
  at: number;
}

/**
 * The retry budget of one resource, kept lane by lane, so that a batch whose calls fail cannot spend what chat needs.
 *
 * @example
 * const retries = new RetryBudget({ attempts: 3, budget: 0.1, random: Math.random, now: () => performance.now() });
 * retries.started("chat");
 * const waitMs = retries.next("chat", 1, verdict); // undefined: give the reply to the caller
 */
export class RetryBudget {
  readonly #options: RetryOptions;
  readonly #lanes = new Map<string, Traffic>();

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** A call of this lane begins. Its retries do not count as calls. */
  started(lane: string): void {
    this.#trafficOf(lane).started++;
  }

  /**
   * The milliseconds to wait before the next try, after try number `attempt` (from 1) got `verdict`; undefined when
   * there is to be none. Full jitter, because callers that failed together would otherwise come back together; on top
   * of the upstream's own `retry-after`, because "earlier retries will fail".
   */
  next(lane: string, attempt: number, verdict: Verdict): number | undefined {
    if (!verdict.retry || attempt >= this.#options.attempts) return undefined;
    const afterMs = verdict.afterMs ?? 0;
    if (afterMs > LONGEST_RETRY_AFTER_MS) return undefined;
    // What pauses a whole key or model comes back through that pause, as fast as its budget lets it: no storm.
    if (verdict.pause === undefined && !this.#spend(lane)) return undefined;
    return afterMs + this.#options.random() * backoffMs(attempt);
  }

  #spend(lane: string): boolean {
    const traffic = this.#trafficOf(lane);
    const allowed = ALWAYS_ALLOWED + Math.floor(this.#options.budget * traffic.started);
    if (Math.floor(traffic.retried) >= allowed) return false;
    traffic.retried++;
    return true;
  }

  #trafficOf(lane: string): Traffic {
    const now = this.#options.now();
    let traffic = this.#lanes.get(lane);
    if (traffic === undefined) this.#lanes.set(lane, (traffic = { started: 0, retried: 0, at: now }));
    const kept = Math.exp(-Math.max(0, now - traffic.at) / WINDOW_MS);
    traffic.started *= kept;
    traffic.retried *= kept;
    traffic.at = now;
    return traffic;
  }
}

/** The most that is waited after try number `attempt`, from 1: 0.5 s, doubled up to 8 s. */
export function backoffMs(attempt: number): number {
  return Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempt - 1));
}

/** What a user gave of `attempts` and `budget`, checked, with the defaults for the rest. `place` names it in errors. */
export function checkedRetry(
  place: string,
  retry: { readonly attempts?: number; readonly budget?: number } | undefined,
  defaults: { readonly attempts: number; readonly budget: number },
): { readonly attempts: number; readonly budget: number } {
  const { attempts = defaults.attempts, budget = defaults.budget } = retry ?? {};
  if (!(Number.isInteger(attempts) && attempts >= 1 && attempts <= ATTEMPTS_MAX))
    throw invalid(`${place}: retry.attempts`, `a whole number from 1 to ${ATTEMPTS_MAX}`, attempts);
  if (!(typeof budget === "number" && budget >= 0 && budget <= 1))
    throw invalid(`${place}: retry.budget`, "a fraction from 0 to 1", budget);
  return { attempts, budget };
}
