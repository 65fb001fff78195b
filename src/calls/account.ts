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
import type { ChargedCall, RunningCall } from "./charging.ts";
import { Keys } from "./keys.ts";
import type { Key } from "./keys.ts";
import { LONGEST_RETRY_AFTER_MS, backoffMs } from "./retry.ts";

/** Names of classes come from callers' models. */
const BUDGETS_MAX = 1_024;
/** Callers may send any text as a model; it must not fill snapshots and metrics. */
const CLASS_LENGTH_MAX = 100;

/** Replies come by the thousand where they come in less; their headers cost more to read than they can have changed. */
const READ_AGAIN_MS = 5;
/** With so many under way the next reply is never far. */
const FEW = 16;
/** A policy that is edited may give a budget a size, or take it away. */
const LOOK_AGAIN_MS = 1_000;

/** What is remembered of one named budget. */
interface Book {
  /** The most that was ever left, which is its size: a budget begins full. */
  readonly size: { [K in Kind]: number };
  /** The upstream's own limits, as it last stated them. */
  stated: Cost;
  /** Its headers need not be read again before. */
  readUntil: number;
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

/** The keys that a call may use, by the names of the budgets that they are charged to. */
export interface Charged {
  readonly keys: ReadonlyMap<string, Key>;
  readonly names: readonly string[];
  /** False where no budget has a size: what the call uses is nobody's concern then. */
  readonly isLimited: boolean;
}

/** What one key's calls of one kind are charged to. */
interface Named {
  readonly key: Key;
  readonly kind: RequestKind;
  readonly name: string;
}

export class Account {
  readonly #resource: Resource;
  readonly #provider: Provider;
  readonly #keys: Keys;
  readonly #options: AccountOptions;
  readonly #books = new BoundedMap<string, Book>(BUDGETS_MAX);
  readonly #byName = new BoundedMap<string, Charged & { readonly key: Key; readonly until: number }>(
    BUDGETS_MAX,
  );
  /** By model, which comes with each call as a new string: one made of all three would have to be written to be looked for. */
  readonly #named = new BoundedMap<string, Named[]>(BUDGETS_MAX);

  constructor(resource: Resource, provider: Provider, options: AccountOptions) {
    this.#resource = resource;
    this.#provider = provider;
    this.#keys = new Keys(options.keys, options.laneKeys, options.keyNames);
    this.#options = options;
  }

  /** What a call may be charged to now. */
  charged(lane: string, kind: RequestKind, model: string | undefined): Charged {
    const now = this.#options.now();
    const usable = this.#keys.usable(lane, now);
    const only = usable[0]!;
    if (usable.length === 1 && only.pausedUntil <= now) return this.#byOne(only, kind, model, now);
    const keys = new Map<string, Key>();
    let isLimited = false;
    for (const key of usable) {
      const name = this.#nameOf(key, kind, model);
      keys.set(name, key);
      const budget = this.#resource.budget(name);
      const { left } = budget;
      if (KINDS.some((each) => left[each] < Infinity)) {
        isLimited = true;
        this.#see(name, left);
      }
      if (key.pausedUntil > now) budget.pause(key.pausedUntil - now);
    }
    return { keys, names: [...keys.keys()], isLimited };
  }

  /** Whether any of these budgets is charged the most that a call may write, instead of what it will. */
  chargesMaxTokens(budgets: Iterable<string>): boolean {
    for (const name of budgets) if (this.#book(name).charging.takesMost) return true;
    return false;
  }

  /** A call that writes has been let in. */
  started(name: string, call: ChargedCall): RunningCall {
    return this.#book(name).charging.started(call, this.#options.now());
  }

  ended(name: string, running: RunningCall): void {
    this.#book(name).charging.ended(running);
  }

  /** Reads a reply's rate-limit headers into the budget that was charged. `running`: that of a call that writes. */
  correct(
    name: string,
    running: RunningCall | undefined,
    header: HeaderOf,
    isRefusal: boolean,
  ): RateLimits | undefined {
    const now = this.#options.now();
    // What was read a moment ago is still so; a refusal says something new.
    const { readUntil, charging } = this.#book(name);
    if (!isRefusal && now < readUntil && charging.underWay > FEW) return undefined;
    const budget = this.#resource.budget(name);
    const ours = budget.left;
    // Where nothing is limited there is nothing to put right; a refusal is still to be explained.
    if (!isRefusal && KINDS.every((kind) => ours[kind] === Infinity)) return undefined;
    const theirs = this.#provider.rateLimits(header, this.#options.wall());
    const book = this.#see(name, ours);
    book.readUntil = now + READ_AGAIN_MS;
    if (running !== undefined) book.charging.replied(running, ours, book.size, theirs, now);
    if (theirs === undefined) return undefined;
    const isNews = this.#state(budget, book, theirs.limit);
    const levels = lowered(isNews ? budget.left : ours, book.size, theirs, (left) =>
      book.charging.afterAll(left),
    );
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

  /** Most calls have one key to use, and ask for the same models again and again. */
  #byOne(key: Key, kind: RequestKind, model: string | undefined, now: number): Charged {
    const name = this.#nameOf(key, kind, model);
    let known = this.#byName.get(name);
    if (known === undefined || now >= known.until || known.key !== key) {
      const { left } = this.#resource.budget(name);
      const isLimited = KINDS.some((each) => left[each] < Infinity);
      if (isLimited) this.#see(name, left);
      known = { keys: new Map([[name, key]]), names: [name], isLimited, key, until: now + LOOK_AGAIN_MS };
      this.#byName.set(name, known);
    }
    return known;
  }

  /** Names of classes are cut out of names of models, of which there are few; of keys and kinds there are a handful. */
  #nameOf(key: Key, kind: RequestKind, model: string | undefined): string {
    const named = this.#named.of(model ?? "", () => []);
    for (const one of named) if (one.key === key && one.kind === kind) return one.name;
    const name = this.#budgetName(key, kind, model);
    named.push({ key, kind, name });
    return name;
  }

  /** What plain HTTP uses is the resource's own budget: there are no keys and no models. */
  #budgetName(key: Key, kind: RequestKind, model: string | undefined): string {
    if (this.#provider.name === "http") return "";
    // Counting, batches, files and lists have limits of their own at every provider, apart from those of the models.
    if (kind !== "generate" && kind !== "embed") return `${key.name}/${kind}`;
    return `${key.name}/${model === undefined ? "" : this.#options.classOf(model).slice(0, CLASS_LENGTH_MAX)}`;
  }

  /** The account may be smaller than the policy says; levels kept for lanes must not be more than there ever is. */
  #state(budget: Budget, book: Book, limit: Cost): boolean {
    if (KINDS.every((kind) => limit[kind] === book.stated[kind])) return false;
    book.stated = limit;
    budget.limit(limit);
    for (const kind of KINDS) book.size[kind] = Math.min(book.size[kind], limit[kind] ?? Infinity);
    return true;
  }

  #book(name: string): Book {
    return this.#books.of(name, () => ({
      size: { requests: 0, inputTokens: 0, outputTokens: 0 },
      stated: {},
      readUntil: 0,
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
