/**
 * The connections of one resource that are checked out, and whether their holders will ever give one back.
 *
 * Where an ORM hides which wait is inside which checkout, this much is known: both were asked for in the same request, and
 * the connection was out when the wait began. Two transactions side by side look the same. So nothing is said before every
 * seat that could help is of a holder with a wait in its own request, and none of their connections has done anything for
 * a second; and `side-by-side.ts` rules out by their stacks what is not inside. Where the stacks say nothing, a request
 * with one checkout is taken at its word, and several in one are not: that may be a consumer, with all its jobs.
 *
 * What is refused then is stuck, unless something outside of the database were to end it: a transaction that spends
 * seconds on a call to somebody else, while all connections are in such hands and each of their requests wants one more.
 *
 * Without a request around it nothing is known of a holder. Nobody is refused for it; the process is warned.
 */

import type { Clock } from "../core/clock.ts";
import type { Ambient } from "../core/context.ts";
import type { Resource } from "../core/resource.ts";
import type { LaneSnapshot, ResourceSnapshot } from "../core/snapshot.ts";
import type { Held, NestedOptions, Site } from "./nested-checkouts.ts";
import { relationOf } from "./side-by-side.ts";

const LOOK_EVERY_MS = 50;
/** How many looks in a row find a connection quiet before a wait that is known to be inside its checkout is told. */
const QUIET_LOOKS = 2;
/** How long all of them are quiet before a wait that only seems to be inside one is. */
const STUCK_MS = 1_000;
/** Warnings are for a reader; so many places are more than one reads. */
const PLACES_MAX = 100;
const PLACES_SHOWN = 3;

/** A wait that may be inside some checkouts. */
export interface NestedWait<Connection> {
  readonly lane: string | undefined;
  readonly site: Site;
  /** The checkouts that it may be inside of, the most likely first. */
  outers: readonly Held<Connection>[];
  /** The one that its async context names: it is inside of that if that does nothing. */
  readonly known: Held<Connection> | undefined;
  /** The core was told of that. */
  isEntered: boolean;
  /** Its places were compared with those of the checkouts. */
  isJudged: boolean;
  /** All of the holders seem to wait: the core is to decide. */
  isTold: boolean;
  /** Submits it again as part of these checkouts. */
  tell: (outers: readonly Held<Connection>[]) => void;
}

/** How long a connection has done nothing. */
interface Quiet {
  readonly probe: () => boolean;
  looks: number;
  since: number;
}

type Options<Connection> = Pick<NestedOptions<Connection>, "noun" | "quiet" | "stackLines">;

export class TakenConnections<Connection> {
  readonly #resource: Resource;
  readonly #clock: Clock;
  readonly #options: Options<Connection>;
  readonly #warned: Set<string>;
  /** In the order in which they were given out. */
  readonly #held: Held<Connection>[] = [];
  /** Those that may be inside a checkout, the newest last. */
  readonly #waits: NestedWait<Connection>[] = [];
  readonly #quiet = new WeakMap<Held<Connection>, Quiet>();
  #isWatching = false;

  constructor(resource: Resource, clock: Clock, options: Options<Connection>, warned: Set<string>) {
    this.#resource = resource;
    this.#clock = clock;
    this.#options = options;
    this.#warned = warned;
  }

  /** A connection was given out. */
  out(held: Held<Connection>): void {
    this.#held.push(held);
  }

  /** It was given back. */
  back(held: Held<Connection>): void {
    remove(this.#held, held);
  }

  /** The checkouts that a wait may be inside of: the one that its context names, and those that its request has made. */
  heldIn(ambient: Ambient | undefined, known: Held<Connection> | undefined): Held<Connection>[] {
    const found = known === undefined ? [] : [known];
    if (ambient === undefined) return found;
    for (const held of this.#held.toReversed())
      if (held.ambient === ambient && held !== known) found.push(held);
    return found;
  }

  /** A wait that may be inside a checkout begins. */
  waits(wait: NestedWait<Connection>): void {
    this.#waits.push(wait);
    if (wait.known !== undefined) this.#lookAt(wait.known);
  }

  /** It has ended, whichever way. */
  waitOver(wait: NestedWait<Connection>): void {
    remove(this.#waits, wait);
  }

  /** Somebody has to wait: looks at the holders from now on, until nobody waits. */
  watch(): void {
    if (this.#isWatching || this.#held.length === 0) return;
    this.#isWatching = true;
    this.#clock.after(LOOK_EVERY_MS, () => {
      this.#isWatching = false;
      this.#look();
    });
  }

  #look(): void {
    const now = this.#resource.snapshot();
    if (now.waiting === 0 || this.#held.length === 0) return;
    this.watch();
    const suspects = this.#suspects(now);
    const known = this.#waits.flatMap((wait) => (wait.isEntered ? [] : (wait.known ?? [])));
    for (const held of new Set([...known, ...suspects])) this.#lookAt(held);
    for (const wait of this.#waits) this.#enter(wait);
    if (suspects.length > 0) this.#judge(now, suspects);
  }

  /** Those who may all be waiting for one another; none when somebody else will give back a seat that helps. */
  #suspects(now: ResourceSnapshot): readonly Held<Connection>[] {
    const waiting = this.#waiting();
    if (this.#isStuck(now, waiting)) return waiting;
    return this.#held.length === now.seatsInUse ? [...this.#held] : [];
  }

  /** Holders with a wait that may be inside their checkout. */
  #waiting(): Held<Connection>[] {
    const outers = new Set(this.#waits.flatMap((wait) => wait.outers));
    return this.#held.filter((held) => outers.has(held));
  }

  #lookAt(held: Held<Connection>): void {
    let quiet = this.#quiet.get(held);
    if (quiet === undefined) {
      quiet = { probe: this.#options.quiet(held.connection!), looks: 0, since: Infinity };
      this.#quiet.set(held, quiet);
    }
    if (held.permit !== undefined && quiet.probe()) {
      quiet.looks++;
      quiet.since = Math.min(quiet.since, this.#clock.now());
    } else {
      quiet.looks = 0;
      quiet.since = Infinity;
    }
  }

  #enter(wait: NestedWait<Connection>): void {
    const { known, isEntered } = wait;
    if (known === undefined || isEntered || (this.#quiet.get(known)?.looks ?? 0) < QUIET_LOOKS) return;
    wait.isEntered = true;
    wait.tell([known]);
  }

  #judge(now: ResourceSnapshot, suspects: readonly Held<Connection>[]): void {
    const since = this.#clock.now() - STUCK_MS;
    if (suspects.some((held) => this.#quiet.get(held)!.since > since)) return;
    this.#compare();
    const waiting = this.#waiting();
    const newest = this.#waits.at(-1);
    // One that was told and still waits: the core knows better, or detects nothing.
    if (newest !== undefined && this.#isStuck(now, waiting) && !this.#waits.some(({ isTold }) => isTold)) {
      newest.isTold = true;
      newest.tell([...newest.outers, ...waiting.filter((held) => !newest.outers.includes(held))]);
      // Whoever can go on now is given as long again.
      for (const held of suspects) this.#quiet.delete(held);
    } else if (suspects.length === now.seatsInUse) this.#warn(now, suspects);
  }

  /** Leaves waits only the checkouts that they are inside of, by all that is known; most are made at few places. */
  #compare(): void {
    const { stackLines } = this.#options;
    const relations = new Map<string, string>();
    for (const wait of this.#waits) {
      if (wait.isJudged) continue;
      wait.isJudged = true;
      const place = stackLines(wait.site);
      wait.outers = wait.outers.filter((held) => {
        if (held === wait.known) return true;
        const other = stackLines(held.site);
        const key = `${place}\n\n${other}`;
        const relation = relations.get(key) ?? relationOf(place, other);
        relations.set(key, relation);
        return relation === "inside" || (relation === "unknown" && this.#isAlone(held));
      });
    }
  }

  /** Whether its request holds no other connection. */
  #isAlone(held: Held<Connection>): boolean {
    return this.#held.every((other) => other === held || other.ambient !== held.ambient);
  }

  /** Whether every seat that would help the newest wait is of these: then it never comes unless one of them goes on. */
  #isStuck({ lanes }: ResourceSnapshot, holders: readonly Held<Connection>[]): boolean {
    const newest = this.#waits.at(-1);
    if (newest === undefined || holders.length === 0) return false;
    const moving = ({ name, seats }: LaneSnapshot): number =>
      seats - holders.filter(({ permit }) => permit?.lane === name).length;
    const own =
      lanes.find(({ name }) => name === newest.lane) ??
      lanes.find(({ name }) => name === "normal") ??
      lanes.at(-1)!;
    if (own.seats - moving(own) >= own.ceiling) return true;
    // What a lane never lends helps nobody else when it comes free.
    return lanes.every((lane) =>
      lane === own ? moving(lane) === 0 : Math.min(moving(lane), lane.seats - lane.floor) <= 0,
    );
  }

  #warn({ waiting }: ResourceSnapshot, suspects: readonly Held<Connection>[]): void {
    const { noun, stackLines } = this.#options;
    const places = new Set(suspects.map(({ site }) => stackLines(site)));
    const news = [...places].filter((place) => !this.#warned.has(place));
    if (news.length === 0 || this.#warned.size >= PLACES_MAX) return;
    for (const place of news) this.#warned.add(place);
    const message =
      `resource "${this.#resource.name}": each ${noun} is held by code that has done nothing with it for ` +
      `${STUCK_MS} ms, while ${waiting} wait: does a holder wait for another ${noun}, or for somebody slow? ` +
      `Use the one it has, or do the slow part before. Asked for here:\n${news.slice(0, PLACES_SHOWN).join("\nand here:\n")}`;
    process.emitWarning(message, { type: "LanewayNestedCheckoutWarning" });
  }
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
