/**
 * Rate limits as a provider enforces them, per key and model class, without any HTTP: simulated tests drive this file
 * alone, on their own clock.
 */

import { RateBucket } from "./rate-bucket.ts";

/** What a provider counts. `tokens` is input and output together, as OpenAI counts them. */
export type BudgetKind = "requests" | "inputTokens" | "outputTokens" | "tokens";

/** The kinds, in the order they are looked at. */
export const BUDGET_KINDS: readonly BudgetKind[] = ["requests", "inputTokens", "outputTokens", "tokens"];

/** Sizes of the buckets, each for one minute; a kind left out is unlimited. */
export type MinuteLimits = { readonly [kind in BudgetKind]?: number };

/** How the upstream counts. */
export interface UpstreamBudgetsOptions {
  /** The limits of each key and model class. */
  limits(key: string, modelClass: string): MinuteLimits;
  /** False: the buckets only report, nobody is refused. Default true. */
  readonly enforce?: boolean;
  /**
   * What of the output is taken when a call starts: all that `max_tokens` allows, what was not used given back at the
   * end; or nothing, and each bit as it is written. Default "max-tokens".
   */
  readonly outputCharge?: "max-tokens" | "actual";
  /** Milliseconds since the epoch. Default the system's. */
  readonly now?: () => number;
}

/** A call that wants to start. */
export interface AskedCall {
  readonly key: string;
  readonly modelClass: string;
  /** As the upstream itself counts them, cache reads left out. */
  readonly inputTokens: number;
  /** The call's `max_tokens`. */
  readonly maxOutputTokens: number;
}

/** How a key's buckets of one model class stand. */
export type Standing = { readonly [kind in BudgetKind]: RateBucket };

/** A call that was let in. */
export interface Charge {
  readonly standing: Standing;
  /** So many output tokens have been written so far, all told. */
  written(outputTokens: number): void;
  /** It is over; with "max-tokens", what it did not write is given back. A second call does nothing. */
  end(outputTokens: number, served: boolean): void;
}

/** A call that was refused: the kind that lacks most, and when it would be let in. */
export interface BudgetRefusal {
  readonly kind: BudgetKind;
  readonly retryAfterMs: number;
  readonly standing: Standing;
}

/** What was let in, refused and used. */
export interface UsageCounts {
  readonly started: number;
  readonly served: number;
  readonly refused429: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** The same, for one key also by model class. */
export interface KeyCounts extends UsageCounts {
  readonly byModelClass: Readonly<Record<string, UsageCounts>>;
}

/** The same for all keys, each by the key as it was given: a stand-in's keys are no secrets. */
export interface BudgetCounts extends UsageCounts {
  readonly refusedFor: Readonly<Record<BudgetKind, number>>;
  readonly byKey: Readonly<Record<string, KeyCounts>>;
}

interface Account {
  readonly key: string;
  readonly modelClass: string;
  readonly standing: Standing;
  readonly counts: { -readonly [field in keyof UsageCounts]: number };
}

/**
 * The buckets of all keys and model classes.
 *
 *     const budgets = new UpstreamBudgets({ limits: () => ({ requests: 60 }), now: () => clock.now() });
 *     const answer = budgets.start({ key: "a", modelClass: "m", inputTokens: 10, maxOutputTokens: 100 });
 *     if ("retryAfterMs" in answer) refuse(answer);
 *     else answer.end(42, true);
 */
export class UpstreamBudgets {
  readonly #options: UpstreamBudgetsOptions;
  readonly #accounts = new Map<string, Account>();
  readonly #refusedFor: Record<BudgetKind, number> = {
    requests: 0,
    inputTokens: 0,
    outputTokens: 0,
    tokens: 0,
  };

  constructor(options: UpstreamBudgetsOptions) {
    this.#options = options;
  }

  /** Charges a call as it starts, or refuses it. A refused call uses nothing. */
  start(call: AskedCall): Charge | BudgetRefusal {
    const account = this.#account(call.key, call.modelClass);
    const { standing, counts } = account;
    const reserved = this.#options.outputCharge === "actual" ? 0 : call.maxOutputTokens;
    const wanted: Record<BudgetKind, number> = {
      requests: 1,
      inputTokens: call.inputTokens,
      // More than a bucket holds could never start: it takes the whole bucket.
      outputTokens: Math.min(reserved, standing.outputTokens.perMinute),
      tokens: Math.min(call.inputTokens + reserved, standing.tokens.perMinute),
    };
    const refusal = this.#options.enforce === false ? undefined : refusalOf(standing, wanted, call);
    if (refusal !== undefined) {
      counts.refused429++;
      this.#refusedFor[refusal.kind]++;
      return refusal;
    }
    for (const kind of BUDGET_KINDS) standing[kind].take(wanted[kind]);
    counts.started++;
    counts.inputTokens += call.inputTokens;
    return this.#charge(account, call.inputTokens, wanted);
  }

  /** How a key stands with a model class, whether or not it has called before. */
  standing(key: string, modelClass: string): Standing {
    return this.#account(key, modelClass).standing;
  }

  counts(): BudgetCounts {
    const byKey: Record<string, KeyCounts & { byModelClass: Record<string, UsageCounts> }> = {};
    for (const { key, modelClass, counts } of this.#accounts.values()) {
      const before = byKey[key];
      byKey[key] = {
        ...sum(before === undefined ? [counts] : [before, counts]),
        byModelClass: { ...before?.byModelClass, [modelClass]: { ...counts } },
      };
    }
    const all = [...this.#accounts.values()].map(({ counts }) => counts);
    return { ...sum(all), refusedFor: { ...this.#refusedFor }, byKey };
  }

  #charge(account: Account, inputTokens: number, wanted: Readonly<Record<BudgetKind, number>>): Charge {
    const { standing, counts } = account;
    const byWriting = this.#options.outputCharge === "actual";
    let outputTokens = 0;
    let ended = false;
    const written = (total: number): void => {
      const more = total - outputTokens;
      outputTokens = total;
      counts.outputTokens += more;
      if (!byWriting) return;
      standing.outputTokens.take(more);
      standing.tokens.take(more);
    };
    const end = (total: number, served: boolean): void => {
      if (ended) return;
      ended = true;
      written(total);
      if (served) counts.served++;
      if (byWriting) return;
      standing.outputTokens.take(total - wanted.outputTokens);
      standing.tokens.take(inputTokens + total - wanted.tokens);
    };
    return { standing, written: (total) => void (ended || written(total)), end };
  }

  #account(key: string, modelClass: string): Account {
    const name = `${key}\n${modelClass}`;
    const known = this.#accounts.get(name);
    if (known !== undefined) return known;
    const limits = this.#options.limits(key, modelClass);
    const bucket = (kind: BudgetKind): RateBucket =>
      new RateBucket(limits[kind] ?? Infinity, this.#options.now);
    const account: Account = {
      key,
      modelClass,
      standing: {
        requests: bucket("requests"),
        inputTokens: bucket("inputTokens"),
        outputTokens: bucket("outputTokens"),
        tokens: bucket("tokens"),
      },
      counts: { started: 0, served: 0, refused429: 0, inputTokens: 0, outputTokens: 0 },
    };
    this.#accounts.set(name, account);
    return account;
  }
}

/** The kind that keeps the call waiting longest. */
function refusalOf(
  standing: Standing,
  wanted: Readonly<Record<BudgetKind, number>>,
  call: AskedCall,
): BudgetRefusal | undefined {
  let longest: BudgetRefusal | undefined;
  for (const kind of BUDGET_KINDS) {
    if (kind === "outputTokens" && call.maxOutputTokens === 0) continue;
    // Charged as it writes, a call takes nothing at first, yet a bucket in debt lets nobody in.
    const retryAfterMs = standing[kind].msUntil(Math.max(wanted[kind], 1));
    if (retryAfterMs > (longest?.retryAfterMs ?? 0)) longest = { kind, retryAfterMs, standing };
  }
  return longest;
}

function sum(all: readonly UsageCounts[]): UsageCounts {
  const total = { started: 0, served: 0, refused429: 0, inputTokens: 0, outputTokens: 0 };
  for (const one of all)
    for (const field of Object.keys(total) as (keyof UsageCounts)[]) total[field] += one[field];
  return total;
}

/**
 * Models that share a rate limit: of Opus and Sonnet, a family of one generation (`claude-opus-4-7` and `claude-opus-4-1`
 * are `claude-opus-4`); of others, a model with all its dated versions.
 */
export function modelClassOf(model: string): string {
  const family = /^claude-(?:opus|sonnet)-\d+(?!\d)/.exec(model)?.[0];
  return family ?? model.replace(/-(?:latest|\d{8}|\d{4}-\d\d-\d\d)$/, "");
}
