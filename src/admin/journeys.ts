/**
 * What became of requests: the last ones of all, and of those that were shed, late, slow or out of turn more, so that
 * those are still there when somebody looks. Bounded in number: about 600 bytes each, 1.2 MB in all.
 */

import type { TaskRecord } from "../core/snapshot.ts";
import { Followed } from "../policy/followed.ts";
import type { Laneway } from "../policy/laneway.ts";
import { REASON_WORDS } from "./reasons.ts";
import type { Journey } from "./wire.ts";

const RECENT = 500;
const NOTABLE = 1_500;
const NO_TRIES: readonly Tried[] = [];

/** One try of a call: what came of it, and how long it took. */
export interface Tried {
  readonly result: string;
  readonly ms: number;
}

/** What the gateway notes of a call along its way; its record carries it here. */
export class CallNotes {
  /** Those of a call that was not served at its first. */
  tries: readonly Tried[] = NO_TRIES;
  /** From the arrival of the request to the first byte of its reply. */
  firstByteMs: number | undefined = undefined;

  /** `beganAt` is an instant on `performance.now()`. */
  tried(result: string, beganAt: number): void {
    this.tries = [...this.tries, { result, ms: Math.round(performance.now() - beganAt) }];
  }
}

/** What to look for; all that is given must hold. */
export interface JourneyQuery {
  readonly lane?: string | undefined;
  readonly resource?: string | undefined;
  /** An outcome; or "shed", whatever was refused or put out, or "notable", what was shed, failed, late, slow or out of turn. */
  readonly outcome?: string | undefined;
  /** Part of an id, a flow or a reason. */
  readonly text?: string | undefined;
  readonly limit: number;
}

/** A fixed number of the newest. */
class Newest<T> {
  readonly #items: T[] = [];
  readonly #most: number;
  #next = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(item: T): void {
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.#most;
  }

  /** Newest first. */
  *[Symbol.iterator](): Generator<T> {
    const { length } = this.#items;
    for (let i = 1; i <= length; i++) yield this.#items[(this.#next - i + length) % length]!;
  }
}

/** Of all resources of a `Laneway`; `follow` again after its policy has changed. */
export class Journeys {
  readonly #recent = new Newest<Kept>(RECENT);
  readonly #notable = new Newest<Kept>(NOTABLE);
  readonly #followed = new Followed((record) => this.#add(record));

  follow(laneway: Laneway): void {
    this.#followed.follow(laneway);
  }

  find({ lane, resource, outcome, text, limit }: JourneyQuery): Journey[] {
    const found: Journey[] = [];
    const seen = new Set<TaskRecord>();
    const needle = text?.toLowerCase();
    const all = [...this.#recent, ...this.#notable].sort((a, b) => b.at - a.at);
    for (const { record, at } of all) {
      if (found.length >= limit) break;
      if (seen.has(record)) continue;
      seen.add(record);
      if (lane !== undefined && record.lane !== lane) continue;
      if (resource !== undefined && record.resource !== resource) continue;
      if (outcome !== undefined && !isA(outcome, record)) continue;
      if (needle !== undefined && !textOf(record).includes(needle)) continue;
      found.push(this.#journeyOf(record, at));
    }
    return found;
  }

  close(): void {
    this.#followed.stop();
  }

  #add(record: TaskRecord): void {
    const kept = new Kept(record, Date.now());
    this.#recent.add(kept);
    if (isA("notable", record)) this.#notable.add(kept);
  }

  #journeyOf(record: TaskRecord, at: number): Journey {
    const {
      rule,
      reason,
      retryAfterMs,
      budget,
      seatsHeldBy,
      note,
      arrivedAt: _arrived,
      endedAt: _ended,
      ...rest
    } = record;
    const notes = note instanceof CallNotes ? note : undefined;
    return {
      ...rest,
      at,
      rule: rule ?? null,
      reason: reason ?? null,
      why: reason === undefined ? null : REASON_WORDS[reason],
      retryAfterMs: retryAfterMs ?? null,
      budget: budget ?? null,
      ahead: seatsHeldBy,
      tries: notes?.tries ?? NO_TRIES,
      firstByteMs: notes?.firstByteMs ?? null,
    };
  }
}

class Kept {
  readonly record: TaskRecord;
  readonly at: number;

  constructor(record: TaskRecord, at: number) {
    this.record = record;
    this.at = at;
  }
}

function isA(wanted: string, { outcome, late, slow, outOfTurn }: TaskRecord): boolean {
  if (wanted === "shed") return outcome === "rejected" || outcome === "evicted" || outcome === "timedOut";
  if (wanted === "notable")
    return late || slow || outOfTurn || (outcome !== "finished" && outcome !== "cancelled");
  return outcome === wanted;
}

function textOf({ id, flow, reason }: TaskRecord): string {
  return `${id}\n${flow}\n${reason ?? ""}`.toLowerCase();
}
