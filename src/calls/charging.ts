/**
 * What of the output an upstream charges when a call starts: all that the call may write (`max_tokens`), given back when
 * it ends, or only what is written. Nobody says which, and a guess that is too low is answered with 429s. So the most is
 * charged here too until the upstream's own books show that it charges less. Where they show nothing, a 429 that ours do
 * not explain is the sign that it charges the most after all. What was shown to be so stands: calls that wait were
 * charged by the old way, and would all meet the next change.
 */

import type { RateLimits } from "../providers/provider.ts";
import { chargesBeforehand, explainedByOthers } from "./books.ts";
import type { Levels } from "./books.ts";

/** Below this, rounding to thousands hides what is reserved. */
const RESERVED_MIN = 3_000;
/** So many replies in a row must say the same. */
const REPLIES_NEEDED = 3;
/** A call that began longer ago than this has reached the upstream. */
const TRAVEL_MS = 2_000;
/** Whoever never ends is forgotten: its call broke off in some way that nobody told of. */
const RUN_MAX_MS = 10 * 60_000;

/** Calls that are looked at for one reply, on average. */
const LOOKED_AT = 16;

/** A call that was let in. */
export interface ChargedCall {
  /** As it was charged here. */
  readonly outputTokens: number;
  /** That is the most it may write. */
  readonly isMost: boolean;
  /** The head of its reply comes when it begins to write, not when it is done. */
  readonly stream: boolean;
}

/** One that runs, as `started` gives it out. */
export interface RunningCall extends ChargedCall {
  readonly at: number;
  replied: boolean;
  /** Place in the list of those that run; -1 when it is over. */
  place: number;
}

/** How the output of one budget is charged. */
export class Charging {
  #mode: "most-assumed" | "most-shown" | "as-written" = "most-assumed";
  /**
   * No `Map`: one through which many pass is made anew all the time, and each of its old tables, once it lies among old
   * objects, holds the next with all that was in it. Collecting those cost 3 µs of a gateway's request.
   */
  readonly #running: RunningCall[] = [];
  /** The output charged for all that run. */
  #reservedOutput = 0;
  #inFavour = 0;
  #silent = 0;
  #looks = 0;

  /** Calls that write now. */
  get underWay(): number {
    return this.#running.length;
  }

  /** Whether a call must be charged all that it may write. */
  get takesMost(): boolean {
    return this.#mode !== "as-written";
  }

  /** A call has been let in here, and is on its way. */
  started({ outputTokens, isMost, stream }: ChargedCall, now: number): RunningCall {
    const place = this.#running.length;
    const running: RunningCall = { outputTokens, isMost, stream, at: now, replied: false, place };
    this.#running.push(running);
    this.#reservedOutput += outputTokens;
    return running;
  }

  /** It is over. A second call does nothing. */
  ended(running: RunningCall): void {
    if (running.place < 0) return;
    const last = this.#running.pop()!;
    if (last !== running) {
      this.#running[running.place] = last;
      last.place = running.place;
    }
    running.place = -1;
    this.#reservedOutput -= running.outputTokens;
  }

  /** The head of its reply came; `theirs` are the upstream's books as it showed them there. */
  replied(own: RunningCall, ours: Levels, size: Levels, theirs: RateLimits | undefined, now: number): void {
    if (own.place < 0) return;
    own.replied = true;
    if (this.#mode === "most-shown") return;
    if (!own.isMost && theirs !== undefined && chargesBeforehand(ours, size, theirs)) {
      this.#mode = "most-shown";
    } else if (this.#mode === "most-assumed") this.#weigh(own, ours, theirs?.left.outputTokens, now);
  }

  /** A 429 for the rate, in spite of our books. */
  surprised(theirs: RateLimits | undefined): void {
    // Where it shows its output books, they have said by now whether they differ.
    const isShown = theirs?.left.outputTokens !== undefined;
    if (!isShown && !explainedByOthers(theirs)) this.#mode = "most-shown";
  }

  /**
   * What is left by the upstream's books once all that runs is written, where they hold only what is: those of calls
   * that run have it still to come.
   */
  afterAll(left: number): number {
    return this.#mode === "as-written" ? left - this.#reservedOutput : left;
  }

  /** Do the upstream's books hold what we have reserved? */
  #weigh(own: RunningCall, ours: Levels, left: number | undefined, now: number): void {
    if (left === undefined) {
      if (++this.#silent >= REPLIES_NEEDED) this.#mode = "as-written";
      return;
    }
    this.#silent = 0;
    if (this.#reservedOutput < RESERVED_MIN) return;
    // With very many under way each look is long, and one in some says the same.
    if (++this.#looks % Math.ceil(this.#running.length / LOOKED_AT) !== 0) return;
    const { known, underWay } = this.#reserved(own, now);
    // A reply that comes when it is done may have been put right there already.
    const reserved = own.stream ? known + own.outputTokens : known;
    if (reserved < RESERVED_MIN) return;
    const notThere = underWay + (own.stream ? 0 : own.outputTokens);
    this.#inFavour = left <= ours.outputTokens + notThere + reserved / 2 ? 0 : this.#inFavour + 1;
    if (this.#inFavour >= REPLIES_NEEDED) this.#mode = "as-written";
  }

  /** What calls beside this one have reserved here: those that the upstream knows for sure, and those it may not. */
  #reserved(own: RunningCall, now: number): { readonly known: number; readonly underWay: number } {
    let known = 0;
    let underWay = 0;
    // From the end: whoever is forgotten leaves its place to the last.
    for (let place = this.#running.length - 1; place >= 0; place--) {
      const running = this.#running[place]!;
      if (now - running.at > RUN_MAX_MS) this.ended(running);
      else if (running === own) continue;
      else if (running.replied || now - running.at > TRAVEL_MS) known += running.outputTokens;
      else underWay += running.outputTokens;
    }
    return { known, underWay };
  }
}
