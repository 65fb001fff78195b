/**
 * What the next service's refusals teach. A lane that is refused there with the request to come back later is held back
 * here until then, and the lanes below it too: calls that would only be refused again are refused before they are sent,
 * while the lanes above go on.
 */

import type { LanewayError } from "../core/errors.ts";
import type { TaskOptions } from "../core/options.ts";
import type { Resource } from "../core/resource.ts";
import type { HeaderOf } from "../providers/provider.ts";
import { retryAfterMs } from "../providers/retry-after.ts";

/** Replies are forgotten with this time constant: what a lane got a minute ago says nothing of now. */
const WINDOW_MS = 10_000;
/** Whoever asks for longer is asked again all the same. */
const LONGEST_MS = 60_000;

interface OfLane {
  refused: number;
  served: number;
  at: number;
  /** The instant that the latest refusal asked to wait for. */
  until: number;
}

const known = new WeakMap<Resource, NextService>();

/** What is known of the service behind a resource, whichever adapter learned it. */
export function nextServiceOf(resource: Resource): NextService {
  let found = known.get(resource);
  if (found === undefined) known.set(resource, (found = new NextService(resource, () => performance.now())));
  return found;
}

/** The service behind one resource, as its replies show it. */
export class NextService {
  readonly #resource: Resource;
  readonly #now: () => number;
  readonly #lanes = new Map<string, OfLane>();
  /** The lane of calls that name none. */
  #defaultLane: string | undefined = undefined;
  /** No lane is held back after this. */
  #until = 0;

  constructor(resource: Resource, now: () => number) {
    this.#resource = resource;
    this.#now = now;
  }

  /**
   * What a call is told instead of being sent, where the next service would refuse it; undefined: it may go on. `lane` is
   * what the call names, undefined being the default lane. In shadow mode it is counted and goes on.
   */
  refused(lane: string | undefined, task: TaskOptions): LanewayError | undefined {
    const now = this.#now();
    const own = now >= this.#until ? undefined : this.#nameOf(lane);
    if (own === undefined) return undefined;
    const leftMs = this.#heldUntil(own, now) - now;
    return leftMs <= 0 ? undefined : this.#resource.turnAway({ ...task, lane: own }, leftMs);
  }

  /** The lane that a call will be in, as far as that is known. */
  #nameOf(lane: string | undefined): string | undefined {
    return lane !== undefined && this.#names().includes(lane) ? lane : this.#defaultLane;
  }

  #names(): readonly string[] {
    return this.#resource.snapshot().lanes.map(({ name }) => name);
  }

  #heldUntil(lane: string, now: number): number {
    const names = this.#names();
    const rank = names.indexOf(lane);
    let until = 0;
    for (const [name, state] of this.#lanes) {
      // Most of what was sent lately must have been refused: a single refusal among many replies stops nobody.
      if (state.until > now && state.refused > state.served && names.indexOf(name) <= rank)
        until = Math.max(until, state.until);
    }
    return until;
  }

  /** A reply came. `asked` is what the call named, `lane` where it ran. */
  replied(asked: string | undefined, lane: string, status: number, header: HeaderOf): void {
    if (asked === undefined) this.#defaultLane = lane;
    const afterMs = status === 429 || status === 503 ? retryAfterMs(header) : undefined;
    const now = this.#now();
    const state = this.#stateOf(lane, now);
    if (afterMs === undefined) {
      state.served++;
      return;
    }
    state.refused++;
    state.until = now + Math.min(LONGEST_MS, afterMs);
    this.#until = Math.max(this.#until, state.until);
  }

  #stateOf(lane: string, now: number): OfLane {
    let state = this.#lanes.get(lane);
    if (state === undefined) this.#lanes.set(lane, (state = { refused: 0, served: 0, at: now, until: 0 }));
    const kept = Math.exp(-Math.max(0, now - state.at) / WINDOW_MS);
    state.refused *= kept;
    state.served *= kept;
    state.at = now;
    return state;
  }
}
