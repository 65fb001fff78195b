/** The smallest change that mends a lane: candidates in their order, each tried by a replay. */

import { withOwnRequests } from "../../policy/policy.ts";
import type { Policy } from "../../policy/policy.ts";
import { showMs } from "../plot/plot.ts";
import { simulatePolicy } from "../replay/simulate.ts";
import type { Prepared, Simulated } from "../replay/simulate.ts";
import type { Judged } from "../replay/summary.ts";
import { merged } from "./edit.ts";
import type { Edit, Family } from "./edit.ts";
import { familiesFor } from "./families.ts";
import { findingOf, heaviestFlow, idleFloors } from "./findings.ts";
import type { Finding } from "./findings.ts";

/** What a search needs beside the arrivals. */
export interface SearchOptions {
  readonly prepared: Prepared;
  readonly policy: Policy;
  readonly as: ReadonlyMap<string, string>;
  /** The policy with these changes; undefined when it would not be valid, or the file cannot be changed so. */
  readonly change: (edits: readonly Edit[]) => Promise<Policy | undefined>;
  /** Told in a few words what is tried. */
  readonly progress: (line: string) => void;
}

/** What came of it. */
export interface Advice {
  readonly resource: string;
  /** Lanes that miss their objective today, and why. */
  readonly findings: readonly Finding[];
  /** Empty when there is nothing to change, or nothing helps. */
  readonly edits: readonly Edit[];
  readonly caveats: readonly string[];
  readonly before: Simulated;
  /** All of the recording under the changed policy; undefined without a change. */
  readonly after: Simulated | undefined;
  /** How many changes were tried, each by a replay. */
  readonly tried: number;
  /** How many arrivals the search used, where the recording has more. */
  readonly sample: number | undefined;
}

/** A search is bounded: so many arrivals in each replay of it, and so many replays. */
const SAMPLE = 250_000;
const TRIES_MAX = 60;
const LOOKS = 500;

/** What to change so that every lane of the resource meets its objective. */
export async function advise(options: SearchOptions): Promise<Advice> {
  const { prepared, policy, as } = options;
  const before = simulatePolicy(prepared, policy, as, { looks: LOOKS });
  const missing = before.lanes.filter(misses);
  const findings = missing.map((lane) => {
    const finding = findingOf(before, lane);
    return { ...finding, because: [...finding.because, ...withoutItsFlow(before, lane, as)] };
  });
  const base = { resource: prepared.resource, findings, before };
  if (missing.length === 0)
    return { ...base, edits: [], caveats: [], after: undefined, tried: 0, sample: undefined };
  const search = new Search(options, worstOf(before));
  await search.mend();
  const { edits, caveats, tried, sample } = search;
  const changed = edits.length === 0 ? undefined : await options.change(edits);
  const after = changed === undefined ? undefined : simulatePolicy(prepared, changed, as, { looks: LOOKS });
  // What helped in the busiest part and not in the whole is no help.
  const helps = after !== undefined && isBetter(after.lanes, before.lanes);
  return {
    ...base,
    edits: helps ? edits : [],
    caveats: helps ? caveats : [],
    after: helps ? after : undefined,
    tried,
    sample,
  };
}

/** A lane that one flow fills is mended by a rule for that flow, which no recording can write: it knows hashes. */
function withoutItsFlow(before: Simulated, missed: Judged, as: ReadonlyMap<string, string>): string[] {
  const heaviest = heaviestFlow(before, missed.lane);
  const below = before.lanes.at(-1)!.lane;
  if (heaviest === undefined || below === missed.lane) return [];
  const moved = { flow: heaviest.flow, lane: below };
  const { lanes } = simulatePolicy(before.prepared, before.policy, as, { moved });
  const now = lanes.find(({ lane }) => lane === missed.lane)!;
  const spoilt = lanes.some((lane, number) => misses(lane) && !misses(before.lanes[number]!));
  return misses(now) || spoilt
    ? []
    : [`with that flow in ${below} it would meet its objective: 99 % within ${showMs(now.waitMs.p99)}`];
}

class Search {
  edits: readonly Edit[] = [];
  readonly caveats: string[] = [];
  tried = 0;
  readonly sample: number | undefined;
  readonly #options: SearchOptions;
  readonly #prepared: Prepared;

  constructor(options: SearchOptions, prepared: Prepared) {
    this.#options = options;
    this.#prepared = prepared;
    this.sample = prepared.order.length < options.prepared.order.length ? prepared.order.length : undefined;
  }

  /** One lane after the other, the most important first; what was changed for one stays for the next. */
  async mend(): Promise<void> {
    let now = this.#replay(this.#options.policy);
    const hopeless = new Set<string>();
    for (;;) {
      const missed = now.lanes.find((lane) => misses(lane) && !hopeless.has(lane.lane));
      if (missed === undefined) return;
      const mended = await this.#mendOne(now, missed);
      if (mended === undefined) hopeless.add(missed.lane);
      else now = mended;
    }
  }

  async #mendOne(now: Simulated, missed: Judged): Promise<Simulated | undefined> {
    const resource = withOwnRequests(now.policy).resources[this.#prepared.resource]!;
    const limits = now.results.looks.map(({ limit }) => limit).sort((one, other) => one - other);
    const families = familiesFor({
      policy: withOwnRequests(now.policy),
      resource,
      seats: limits[limits.length >> 1] ?? 1,
      missed,
      lanes: now.lanes,
      idleFloors: new Set(idleFloors(now).keys()),
    });
    for (const family of families) {
      if (this.tried >= TRIES_MAX) return undefined;
      this.#options.progress(`${missed.lane}: trying ${family.what}`);
      const found = await this.#smallest(family, now, missed);
      if (found === undefined) continue;
      this.edits = found.edits;
      if (family.caveat !== undefined && !this.caveats.includes(family.caveat))
        this.caveats.push(family.caveat);
      return found.simulated;
    }
    return undefined;
  }

  /** The largest step first: where that does not help, no smaller one does. Then the smallest, by halves. */
  async #smallest(
    { steps }: Family,
    now: Simulated,
    missed: Judged,
  ): Promise<{ edits: readonly Edit[]; simulated: Simulated } | undefined> {
    let most = steps.length - 1;
    let best = await this.#try(steps[most]!, now, missed);
    while (best === undefined && most > 0 && this.tried < TRIES_MAX) {
      // A large step may hurt another lane where a smaller one would not.
      most >>= 1;
      best = await this.#try(steps[most]!, now, missed);
    }
    let least = 0;
    while (best !== undefined && least < most && this.tried < TRIES_MAX) {
      const middle = (least + most) >> 1;
      const found = await this.#try(steps[middle]!, now, missed);
      if (found === undefined) least = middle + 1;
      else {
        best = found;
        most = middle;
      }
    }
    return best;
  }

  async #try(
    step: readonly Edit[],
    now: Simulated,
    missed: Judged,
  ): Promise<{ edits: readonly Edit[]; simulated: Simulated } | undefined> {
    const edits = merged(this.edits, step);
    const policy = await this.#options.change(edits);
    if (policy === undefined) return undefined;
    this.tried++;
    const simulated = this.#replay(policy);
    return mends(simulated, now, missed.lane) ? { edits, simulated } : undefined;
  }

  #replay(policy: Policy): Simulated {
    return simulatePolicy(this.#prepared, policy, this.#options.as, { looks: LOOKS });
  }
}

/** Whether a lane misses what it was to achieve. */
export function misses({ waitMet, successMet }: Judged): boolean {
  return !waitMet || !successMet;
}

/** A lane that serves less than this part of before was not mended, and none above it was spared. */
const SERVED_LEAST = 0.95;
/** Lower lanes give way, that is what they are for; but not all that they have. */
const SERVED_BELOW_LEAST = 0.5;

/** The lane meets its objective, and no other one pays for it with its own. */
function mends(after: Simulated, before: Simulated, lane: string): boolean {
  const [servedAfter, servedBefore] = [servedInTime(after), servedInTime(before)];
  const rank = after.lanes.findIndex((each) => each.lane === lane);
  return after.lanes.every((now, number) => {
    const was = before.lanes[number]!;
    if (now.lane === lane && misses(now)) return false;
    const least = number > rank ? SERVED_BELOW_LEAST : SERVED_LEAST;
    if (servedAfter[number]! < servedBefore[number]! * least) return false;
    return misses(was) || !misses(now);
  });
}

/** How many of each lane started while others still came: a queue that is worked off afterwards is no throughput. */
function servedInTime({ results, prepared: { order, recording } }: Simulated): number[] {
  const { atMs } = recording.arrivals;
  const lastAt = atMs[order.at(-1)!]!;
  const served = results.laneNames.map(() => 0);
  for (const [place, index] of order.entries()) {
    const wait = results.waitMs[place]!;
    if (wait >= 0 && atMs[index]! + wait <= lastAt) served[results.lane[place]!]!++;
  }
  return served;
}

function isBetter(after: readonly Judged[], before: readonly Judged[]): boolean {
  const count = (lanes: readonly Judged[]): number => lanes.filter(misses).length;
  return count(after) < count(before);
}

/** The part of a long recording in which those that miss wait longest in all; the whole of a short one. */
function worstOf({ prepared, results, lanes }: Simulated): Prepared {
  const { order, durations } = prepared;
  if (order.length <= SAMPLE) return prepared;
  const missing = new Set(lanes.filter(misses).map(({ lane }) => results.laneNames.indexOf(lane)));
  // What was shed waited in vain; it counts as much as the longest wait that was borne.
  const longest = Math.max(...lanes.map(({ waitMs }) => waitMs.max));
  const painAt = (place: number): number => {
    if (!missing.has(results.lane[place]!)) return 0;
    const wait = results.waitMs[place]!;
    return wait < 0 ? longest : wait;
  };
  let pain = 0;
  let most = -1;
  let from = 0;
  for (let place = 0; place < order.length; place++) {
    pain += painAt(place);
    if (place >= SAMPLE) pain -= painAt(place - SAMPLE);
    if (place >= SAMPLE - 1 && pain > most) {
      most = pain;
      from = place - SAMPLE + 1;
    }
  }
  return {
    ...prepared,
    order: order.subarray(from, from + SAMPLE),
    durations: { ...durations, ms: durations.ms.subarray(from, from + SAMPLE) },
  };
}
