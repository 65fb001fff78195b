/**
 * Checkouts inside checkouts, of any pool's connections. Whoever holds one and waits for another keeps its seat until that
 * wait ends; when all seats are held so, nobody ever moves. The core knows (`core/nesting.ts`), once it is told which wait
 * is inside which checkout: that is what is found out here, in two ways.
 *
 * A checkout is the caller's own from the call on, so the async context of the caller says so from there on. It cannot say
 * when the caller hands the connection to somebody else, who goes on and releases it. So a wait counts as inside only the
 * last checkout before it, and only once the driver's adapter finds that its connection does nothing.
 *
 * A caller that asks from within an async function of its own, as most ORMs do, takes that context to its grave. What
 * remains is what surrounds both, the request or the `runInLane`: `taken-connections.ts` says what can be told from that.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Clock } from "../core/clock.ts";
import type { Ambient, Holder } from "../core/context.ts";
import { LanewayError } from "../core/errors.ts";
import type { TaskOptions } from "../core/options.ts";
import type { Permit } from "../core/permit.ts";
import type { Resource } from "../core/resource.ts";
import { asyncContext } from "../node/context.ts";
import { systemClock } from "../node/system-clock.ts";
import { TakenConnections } from "./taken-connections.ts";
import type { NestedWait } from "./taken-connections.ts";

/** Where in the program a connection was asked for. The stack is put into words only when somebody reads it. */
export interface Site {
  readonly stack?: string;
}

/** A checkout from its call until its connection is released. */
export interface Held<Connection> {
  readonly resource: Resource;
  readonly site: Site;
  readonly outer: Held<Connection> | undefined;
  /** What surrounded the call: for a request one object, the same for all that it does. */
  readonly ambient: Ambient | undefined;
  readonly taken: TakenConnections<Connection>;
  /** Set while the connection is out. */
  permit: Permit | undefined;
  connection: Connection | undefined;
  over: boolean;
}

/** What differs between drivers. */
export interface NestedOptions<Connection> {
  /** What its users call a connection. */
  readonly noun: string;
  /** What tells, at each call, whether the connection has done nothing since the call before. */
  readonly quiet: (connection: Connection) => () => boolean;
  /** The place that runs now, and its lines for a reader. */
  readonly siteHere: () => Site;
  readonly stackLines: (site: Site) => string;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** The checkouts of one driver's pools. */
export class NestedCheckouts<Connection> {
  readonly #storage = new AsyncLocalStorage<Held<Connection> | undefined>();
  readonly #options: NestedOptions<Connection>;
  readonly #clock: Clock;
  readonly #taken = new WeakMap<Resource, TakenConnections<Connection>>();
  /** Places that were warned of. */
  readonly #warned = new Set<string>();

  constructor(options: NestedOptions<Connection>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** The checkout that the running code is inside of, if any. */
  now(): Held<Connection> | undefined {
    return this.#storage.getStore();
  }

  /** A checkout that begins. */
  begin(resource: Resource, site: Site): Held<Connection> {
    let outer = this.now();
    // Only what is not over: a loop that checks out for ever must not build a chain.
    while (outer?.over === true) outer = outer.outer;
    const ambient = surroundings();
    const taken = this.#takenOf(resource);
    return { resource, site, outer, ambient, taken, permit: undefined, connection: undefined, over: false };
  }

  /** From here on the caller's code, and what it starts, is inside this checkout. */
  enter(held: Held<Connection>): void {
    this.#storage.enterWith(held);
  }

  /** Runs `fn` inside this checkout, or outside of all. */
  run<T>(held: Held<Connection> | undefined, fn: () => T): T {
    return this.#storage.run(held, fn);
  }

  /**
   * Waits for a permit; a wait inside a checkout that does nothing but wait is told to the core as such. `site`: where it
   * was asked for, if that is known.
   */
  acquire(resource: Resource, task: TaskOptions, site: Site | undefined): Promise<Permit> {
    const known = this.#heldOf(resource);
    const ambient = surroundings();
    const taken = this.#takenOf(resource);
    const outers = taken.heldIn(ambient, known);
    taken.watch();
    if (outers.length === 0) return resource.acquire(task);
    const wait: NestedWait<Connection> = {
      lane: task.lane ?? ambient?.lane,
      site: site ?? this.#options.siteHere(),
      outers,
      known,
      isEntered: false,
      isJudged: false,
      isTold: false,
      tell: () => {},
    };
    return this.#acquireInside(wait, taken, resource, task);
  }

  #takenOf(resource: Resource): TakenConnections<Connection> {
    let taken = this.#taken.get(resource);
    if (taken === undefined) {
      taken = new TakenConnections(resource, this.#clock, this.#options, this.#warned);
      this.#taken.set(resource, taken);
    }
    return taken;
  }

  /** The last checkout that the running code has made of this resource and not given back. */
  #heldOf(resource: Resource): Held<Connection> | undefined {
    for (let held = this.now(); held !== undefined; held = held.outer)
      if (held.permit !== undefined && held.resource === resource) return held;
    return undefined;
  }

  async #acquireInside(
    wait: NestedWait<Connection>,
    taken: TakenConnections<Connection>,
    resource: Resource,
    task: TaskOptions,
  ): Promise<Permit> {
    const since = this.#clock.now();
    let inside: readonly Held<Connection>[] = [];
    taken.waits(wait);
    try {
      for (;;) {
        const moving = new AbortController();
        wait.tell = (outers) => {
          inside = outers;
          moving.abort(moving);
        };
        const signal =
          task.signal === undefined ? moving.signal : AbortSignal.any([task.signal, moving.signal]);
        const waitedMs = this.#clock.now() - since;
        try {
          return await insideOf(inside, () => resource.acquire({ ...task, signal, waitedMs }));
        } catch (error) {
          if (error !== moving) throw this.#withSites(error, wait.site, inside[0]);
        }
      }
    } finally {
      taken.waitOver(wait);
    }
  }

  /** A deadlock with both places in the program; any other error as it is. */
  #withSites(error: unknown, inner: Site, outer: Held<Connection> | undefined): unknown {
    if (outer === undefined || !(error instanceof LanewayError) || error.code !== "LANEWAY_DEADLOCK")
      return error;
    const { noun, stackLines } = this.#options;
    const message =
      `${error.message}\nThis ${noun} was asked for here:\n${stackLines(inner)}\n` +
      `by whoever holds the one that was asked for here:\n${stackLines(outer.site)}`;
    return new LanewayError(message, error);
  }
}

/** Surrounds what is part of no request: the events of a connection, say. */
export const NOWHERE: Ambient = Object.freeze({});

/** What the running code has in common with all else that its request does. */
function surroundings(): Ambient | undefined {
  const ambient = asyncContext.get();
  return ambient === NOWHERE ? undefined : ambient;
}

/** The connection is out, or, without one, the checkout is over. */
export function holds<Connection>(held: Held<Connection>, permit?: Permit, connection?: Connection): void {
  const wasOut = held.permit !== undefined;
  held.permit = permit;
  held.connection = connection;
  held.over = permit === undefined;
  if (held.over && wasOut) held.taken.back(held);
  else if (!held.over && !wasOut) held.taken.out(held);
}

/** Runs `submit` as part of the tasks of these checkouts, for the core to see. */
function insideOf<T>(outers: readonly Pick<Held<unknown>, "permit">[], submit: () => T): T {
  let holder: Holder | undefined;
  for (const { permit } of outers.toReversed())
    if (permit !== undefined) holder = { task: permit, outer: holder };
  if (holder === undefined) return submit();
  return asyncContext.run({ ...asyncContext.get(), holder }, submit);
}
