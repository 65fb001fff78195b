/**
 * The account at the upstream, as it looks from here: its keys and which of them are in order, the named budget that a
 * call is charged to, what is paused, and what the upstream's headers say of our books.
 */

import type { Budget } from "../core/budget/handle.ts";
import type { Cost } from "../core/options.ts";
import type { Resource } from "../core/resource.ts";
import type { HeaderOf, Provider, RateLimits, RequestKind, Verdict } from "../providers/provider.ts";
import { KINDS, lowered } from "./books.ts";
import type { Kind, Levels } from "./books.ts";
import { BoundedMap } from "./bounded-map.ts";
import { Charging } from "./charging.ts";
import type { ChargedCall } from "./charging.ts";
import { Keys } from "./keys.ts";
import type { Key } from "./keys.ts";
import { LONGEST_RETRY_AFTER_MS, backoffMs } from "./retry.ts";

/** Names of classes come from callers' models. */
const BUDGETS_MAX = 1_024;
/** Callers may send any text as a model; it must not fill snapshots and metrics. */
const CLASS_LENGTH_MAX = 100;

/** What is remembered of one named budget. */
interface Book {
  /** The most that was ever left, which is its size: a budget begins full. */
  readonly size: { [K in Kind]: number };
  /** The upstream's own limits, as it last stated them. */
  stated: Cost;
  /** Pauses in a row. */
  pauses: number;
  readonly charging: Charging;
}

export interface AccountOptions {
  readonly keys: readonly string[];
  readonly laneKeys: Readonly<Record<string, readonly string[]>>;
  readonly classOf: (model: string) => string;
  readonly keyNames: ((key: string, index: number) => string) | undefined;
  /** The resource's clock. */
  readonly now: () => number;
  /** Wall-clock milliseconds. */
  readonly wall: () => number;
}

export class Account {
  readonly #resource: Resource;
  readonly #provider: Provider;
  readonly #keys: Keys;
  readonly #options: AccountOptions;
  readonly #books = new BoundedMap<string, Book>(BUDGETS_MAX);

  constructor(resource: Resource, provider: Provider, options: AccountOptions) {
    this.#resource = resource;
    this.#provider = provider;
    this.#keys = new Keys(options.keys, options.laneKeys, options.keyNames);
    this.#options = options;
  }

  /** The keys that a call may use now, by the names of the budgets that they are charged to. */
  charged(lane: string, kind: RequestKind, model: string | undefined): ReadonlyMap<string, Key> {
    const now = this.#options.now();
    const charged = new Map<string, Key>();
    for (const key of this.#keys.usable(lane, now)) {
      const name = this.#budgetName(key, kind, model);
      charged.set(name, key);
      const budget = this.#resource.budget(name);
      this.#see(name, budget.left);
      if (key.pausedUntil > now) budget.pause(key.pausedUntil - now);
    }
    return charged;
  }

  /** Whether any of these budgets is charged the most that a call may write, instead of what it will. */
  chargesMaxTokens(budgets: Iterable<string>): boolean {
    for (const name of budgets) if (this.#book(name).charging.takesMost) return true;
    return false;
  }

  /** A call that writes has been let in. */
  started(name: string, id: object, call: ChargedCall): void {
    this.#book(name).charging.started(id, call, this.#options.now());
  }

  ended(name: string, id: object): void {
    this.#book(name).charging.ended(id);
  }

  /** Reads a reply's rate-limit headers into the budget that was charged. */
  correct(name: string, id: object, header: HeaderOf, isRefusal: boolean): RateLimits | undefined {
    const budget = this.#resource.budget(name);
    const ours = budget.left;
    // Where nothing is limited there is nothing to put right; a refusal is still to be explained.
    if (!isRefusal && KINDS.every((kind) => ours[kind] === Infinity)) return undefined;
    const theirs = this.#provider.rateLimits(header, this.#options.wall());
    const book = this.#see(name, ours);
    book.charging.replied(id, ours, book.size, theirs, this.#options.now());
    if (theirs === undefined) return undefined;
    this.#state(budget, book, theirs.limit);
    const levels = lowered(budget.left, book.size, theirs, (left) => book.charging.afterAll(left));
    if (levels !== undefined) budget.correct(levels);
    return theirs;
  }

  /** A reply that is no refusal: the budget is in order, and so is the key. */
  worked(name: string, key: Key | undefined): void {
    this.#book(name).pauses = 0;
    key?.worked();
  }

  /** Holds back everything that would meet the same refusal. */
  pause(name: string, key: Key | undefined, verdict: Verdict): void {
    const book = this.#book(name);
    const ms = Math.min(LONGEST_RETRY_AFTER_MS, verdict.afterMs ?? backoffMs(++book.pauses));
    if (verdict.pause === "key" && key !== undefined) {
      key.pausedUntil = Math.max(key.pausedUntil, this.#options.now() + ms);
      for (const other of this.#books.keys())
        if (other.startsWith(`${key.name}/`)) this.#resource.budget(other).pause(ms);
    }
    this.#resource.budget(name).pause(ms);
  }

  /** A 429 in spite of our books: something is charged that they do not hold. */
  surprised(name: string, theirs: RateLimits | undefined): void {
    this.#book(name).charging.surprised(theirs);
  }

  keyFailed(key: Key): void {
    key.failed(this.#options.now());
  }

  hasOtherKey(lane: string, key: Key): boolean {
    return this.#keys.hasOther(lane, key);
  }

  /** What plain HTTP uses is the resource's own budget: there are no keys and no models. */
  #budgetName(key: Key, kind: RequestKind, model: string | undefined): string {
    if (this.#provider.name === "http") return "";
    // Counting, batches, files and lists have limits of their own at every provider, apart from those of the models.
    if (kind !== "generate" && kind !== "embed") return `${key.name}/${kind}`;
    return `${key.name}/${model === undefined ? "" : this.#options.classOf(model).slice(0, CLASS_LENGTH_MAX)}`;
  }

  /** The account may be smaller than the policy says; levels kept for lanes must not be more than there ever is. */
  #state(budget: Budget, book: Book, limit: Cost): void {
    if (KINDS.every((kind) => limit[kind] === book.stated[kind])) return;
    book.stated = limit;
    budget.limit(limit);
    for (const kind of KINDS) book.size[kind] = Math.min(book.size[kind], limit[kind] ?? Infinity);
  }

  #book(name: string): Book {
    return this.#books.of(name, () => ({
      size: { requests: 0, inputTokens: 0, outputTokens: 0 },
      stated: {},
      pauses: 0,
      charging: new Charging(),
    }));
  }

  #see(name: string, left: Levels): Book {
    const book = this.#book(name);
    for (const kind of KINDS) if (left[kind] > book.size[kind]) book.size[kind] = left[kind];
    return book;
  }
}
