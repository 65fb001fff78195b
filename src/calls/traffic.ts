/**
 * What the calls through one resource have in common: the upstream's keys, the guess of what a call costs, the retry
 * budget, and what replies teach about the rate budgets. The adapters of the library and the gateway both make a plan
 * here for each call, and tell it what became of every try. No I/O.
 */

import type { Cost } from "../core/options.ts";
import type { Permit } from "../core/permit.ts";
import type { Resource } from "../core/resource.ts";
import type {
  BodyFacts,
  HeaderOf,
  Provider,
  RateLimits,
  RequestKind,
  Usage,
  Verdict,
} from "../providers/provider.ts";
import { Account } from "./account.ts";
import type { Charged } from "./account.ts";
import type { RunningCall } from "./charging.ts";
import { TokenEstimate } from "./estimate.ts";
import type { EstimatedCall } from "./estimate.ts";
import { RetryBudget } from "./retry.ts";

/** What a `Traffic` is made of; all but `retry` may be left out. */
export interface TrafficOptions {
  /** Our keys at the upstream. Without them every caller brings its own. */
  readonly keys?: readonly string[];
  /** Lanes with keys of their own, which use no other. */
  readonly laneKeys?: Readonly<Record<string, readonly string[]>>;
  readonly retry: { readonly attempts: number; readonly budget: number };
  /** The class by which a policy names a model's budgets; undefined: the provider's. */
  readonly classOf?: (model: string) => string | undefined;
  /** What a key is called in the names of budgets. Default: its place in `keys`. */
  readonly keyNames?: ((key: string, index: number) => string) | undefined;
  readonly random?: () => number;
  /** The resource's clock. Default: the system's. */
  readonly now?: () => number;
  /** Wall-clock milliseconds, for headers that hold dates. */
  readonly wall?: () => number;
}

/** What is known of a call before it is made. */
export interface CallFacts {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  /** Undefined: the resource's default lane. */
  readonly lane: string | undefined;
  readonly body: BodyFacts | undefined;
}

/** One call, and what became of its tries. */
export interface CallPlan {
  readonly kind: RequestKind;
  /** For `TaskOptions.cost`. */
  readonly cost: Cost;
  /** The same as it is guessed now, for a call that waits: what was learned meanwhile counts. */
  readonly costNow: () => Cost;
  /** For `TaskOptions.budget`, and for that of a requeue: the usable keys change between tries. */
  readonly budgets: readonly string[];
  /** Whether any budget of it has a size: its usage is worth reading then, and only then. */
  readonly isLimited: boolean;
  /** The try under way, from 1. */
  readonly attempt: number;
  /** A try begins. The key to send with this permit; undefined: the caller's own. */
  keyOf(permit: Permit): string | undefined;
  /** The head of a reply came. */
  replied(permit: Permit, status: number, header: HeaderOf): void;
  /** The try failed, with or without a reply. The milliseconds to wait before the next; undefined: there is none. */
  failed(permit: Permit, verdict: Verdict): number | undefined;
  /** The call is over. What it really used, for `Actual.cost`; undefined: nobody knows, the guess stands. */
  used(usage: Usage | undefined): Cost | undefined;
}

/** The verdict on a try that got no reply: the connection failed, or was cut before the first byte. */
export const NO_REPLY: Verdict = {
  retry: true,
  afterMs: undefined,
  pause: undefined,
  reason: "server-error",
};

const ONE_REQUEST: Cost = { requests: 1, inputTokens: 0, outputTokens: 0 };

/** What an upstream uses of a call that it refuses. */
export const REFUSED_COST: Cost = { requests: 1, inputTokens: 0, outputTokens: 0 };

const RATE_LIMITED = 429;

/**
 * The traffic of one resource to one provider.
 *
 * @example
 * const traffic = new Traffic(resource, anthropic, { keys: [key], retry: { attempts: 3, budget: 0.1 } });
 * const plan = traffic.begin({ method: "POST", path: "/v1/messages", lane: "chat", body: bodyFacts(bytes) });
 * const permit = await resource.acquire({ lane: "chat", cost: plan.cost, budget: plan.budgets });
 */
export class Traffic {
  readonly provider: Provider;
  /** All tries of one call. */
  readonly attempts: number;
  readonly #shared: Shared;
  readonly #now: () => number;

  constructor(resource: Resource, provider: Provider, options: TrafficOptions) {
    const { keys = [], laneKeys = {}, retry, random = Math.random, now = monotonic } = options;
    const classOf = (model: string): string => options.classOf?.(model) ?? provider.classOf(model);
    this.provider = provider;
    this.attempts = retry.attempts;
    this.#now = now;
    this.#shared = {
      attempts: retry.attempts,
      account: new Account(resource, provider, {
        keys,
        laneKeys,
        classOf,
        keyNames: options.keyNames,
        now,
        wall: options.wall ?? Date.now,
      }),
      estimate: new TokenEstimate(classOf),
      retries: new RetryBudget({ ...retry, random, now }),
    };
  }

  /** The plan of one call. Counts the call as traffic of its lane. */
  begin(facts: CallFacts): CallPlan {
    const kind = this.provider.kindOf(facts.method, facts.path);
    const lane = facts.lane ?? "";
    this.#shared.retries.started(lane);
    return new Plan(this.#shared, kind, lane, facts.body);
  }

  /** The resource's clock, in milliseconds. */
  now(): number {
    return this.#now();
  }
}

interface Shared {
  readonly attempts: number;
  readonly account: Account;
  readonly estimate: TokenEstimate;
  readonly retries: RetryBudget;
}

const monotonic = (): number => performance.now();

class Plan implements CallPlan {
  readonly kind: RequestKind;
  cost: Cost;
  attempt = 1;
  readonly #shared: Shared;
  readonly #lane: string;
  readonly #model: string | undefined;
  #call: EstimatedCall;
  readonly #stream: boolean;
  /** It is charged all that it may write. */
  #takesMost: boolean;
  #charged: Charged;
  /** Of the try under way, once its head came. */
  #status: number | undefined = undefined;
  /** The budget of the try under way, and its place among those that write. */
  #started = "";
  #running: RunningCall | undefined = undefined;
  #limits: RateLimits | undefined = undefined;

  constructor(shared: Shared, kind: RequestKind, lane: string, body: BodyFacts | undefined) {
    this.kind = kind;
    this.#shared = shared;
    this.#lane = lane;
    this.#model = body?.model;
    this.#stream = body?.stream === true;
    this.#charged = shared.account.charged(lane, kind, this.#model);
    this.#takesMost = this.isLimited && shared.account.chargesMaxTokens(this.#charged.names);
    this.#call = {
      kind,
      model: body?.model ?? "",
      lane,
      bytes: body?.bytes ?? 0,
      maxOutputTokens: body?.maxOutputTokens,
      chargesMaxTokens: this.#takesMost,
    };
    this.cost = this.isLimited ? shared.estimate.cost(this.#call) : ONE_REQUEST;
  }

  readonly costNow = (): Cost => {
    const { account, estimate } = this.#shared;
    const takesMost = this.isLimited && account.chargesMaxTokens(this.#charged.names);
    if (takesMost !== this.#takesMost) {
      this.#takesMost = takesMost;
      this.#call = { ...this.#call, chargesMaxTokens: takesMost };
    }
    if (this.isLimited) this.cost = estimate.cost(this.#call);
    return this.cost;
  };

  get budgets(): readonly string[] {
    return this.#charged.names;
  }

  get isLimited(): boolean {
    return this.#charged.isLimited;
  }

  keyOf(permit: Permit): string | undefined {
    this.#end();
    if (this.kind === "generate" && this.isLimited) {
      this.#started = permit.budget;
      this.#running = this.#shared.account.started(permit.budget, {
        outputTokens: this.cost.outputTokens ?? 0,
        isMost: this.#takesMost,
        stream: this.#stream,
      });
    }
    return this.#charged.keys.get(permit.budget)?.reveal();
  }

  replied(permit: Permit, status: number, header: HeaderOf): void {
    const { account } = this.#shared;
    this.#status = status;
    const key = this.#charged.keys.get(permit.budget);
    if (isRefusedKey(status) && key?.reveal() !== undefined) account.keyFailed(key);
    else if (status < 400) account.worked(permit.budget, key);
    // It was read and judged, so the key is good, whatever is wrong with the request.
    else if (status < 500 && !isRefusedKey(status)) key?.worked();
    if (this.isLimited || status >= 400)
      this.#limits = account.correct(permit.budget, this.#running, header, status >= 400);
  }

  failed(permit: Permit, verdict: Verdict): number | undefined {
    this.#end();
    const { account, retries, attempts } = this.#shared;
    const status = this.#status;
    const key = this.#charged.keys.get(permit.budget);
    const isOurs = key?.reveal() !== undefined;
    if (isOurs && (status === undefined || verdict.reason === "money")) account.keyFailed(key);
    if (status === RATE_LIMITED && verdict.reason === "rate-limit")
      account.surprised(permit.budget, this.#limits);
    if (verdict.pause !== undefined) account.pause(permit.budget, key, verdict);
    let waitMs = retries.next(this.#lane, this.attempt, verdict);
    // A key that is refused says nothing against the request: another key may serve it, and at once.
    if (isOurs && isRefusedKey(status) && this.attempt < attempts)
      if (account.hasOtherKey(this.#lane, key)) waitMs = 0;
    if (waitMs === undefined) return undefined;
    this.attempt++;
    this.#status = undefined;
    this.#limits = undefined;
    this.#charged = account.charged(this.#lane, this.kind, this.#model);
    // The pause holds it back, at its own place; if it waited here, those behind it would be first when the pause ends.
    return verdict.pause === undefined ? waitMs : 0;
  }

  used(usage: Usage | undefined): Cost | undefined {
    this.#end();
    if (this.#status !== undefined && this.#status >= 400) return REFUSED_COST;
    if (usage === undefined) return undefined;
    this.#shared.estimate.learn(this.#call, usage);
    if (this.kind !== "generate" && this.kind !== "embed") return undefined;
    return { requests: 1, inputTokens: usage.inputTokens, outputTokens: usage.outputTokens };
  }

  #end(): void {
    if (this.#running !== undefined) this.#shared.account.ended(this.#started, this.#running);
    this.#running = undefined;
  }
}

function isRefusedKey(status: number | undefined): boolean {
  return status === 401 || status === 403;
}
