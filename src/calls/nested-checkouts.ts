/**
 * Checkouts inside checkouts, of any pool's connections. Whoever holds one and waits for another keeps its seat until that
 * wait ends; when all seats are held so, nobody ever moves. The core knows (`core/nesting.ts`), once it is told which wait
 * is inside which checkout: that is what is found out here.
 *
 * A checkout is the caller's own from the call on, so the async context of the caller says so from there on. It cannot say
 * when the caller hands the connection to somebody else, who goes on and releases it. So a wait counts as inside only the
 * last checkout before it, and only once the driver's adapter finds that its connection does nothing.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { LanewayError } from "../core/errors.ts";
import type { TaskOptions } from "../core/options.ts";
import type { Permit } from "../core/permit.ts";
import type { Resource } from "../core/resource.ts";
import { asyncContext } from "../node/context.ts";

/** Where in the program a connection was asked for. The stack is put into words only when somebody reads it. */
export interface Site {
  readonly stack?: string;
}

/** A checkout from its call until its connection is released. */
export interface Held<Connection> {
  readonly resource: Resource;
  readonly site: Site;
  readonly outer: Held<Connection> | undefined;
  /** Set while the connection is out. */
  permit: Permit | undefined;
  connection: Connection | undefined;
  over: boolean;
}

/** What differs between drivers. */
export interface NestedOptions<Connection> {
  /** What its users call a connection. */
  readonly noun: string;
  /** Calls `nested` once the checkout is found to do nothing but wait; returns what ends the watch. */
  readonly watch: (outer: Held<Connection>, nested: () => void) => () => void;
  /** The place that runs now, and its lines for a reader. */
  readonly siteHere: () => Site;
  readonly stackLines: (site: Site) => string;
}

/** The checkouts of one driver's pools. */
export class NestedCheckouts<Connection> {
  readonly #storage = new AsyncLocalStorage<Held<Connection> | undefined>();
  readonly #options: NestedOptions<Connection>;

  constructor(options: NestedOptions<Connection>) {
    this.#options = options;
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
    return { resource, site, outer, permit: undefined, connection: undefined, over: false };
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
    const outer = this.#heldOf(resource);
    return outer === undefined
      ? resource.acquire(task)
      : this.#acquireInside(outer, resource, task, site ?? this.#options.siteHere());
  }

  /** The last checkout that the running code has made of this resource and not given back. */
  #heldOf(resource: Resource): Held<Connection> | undefined {
    for (let held = this.now(); held !== undefined; held = held.outer)
      if (held.permit !== undefined && held.resource === resource) return held;
    return undefined;
  }

  async #acquireInside(
    outer: Held<Connection>,
    resource: Resource,
    task: TaskOptions,
    site: Site,
  ): Promise<Permit> {
    const since = performance.now();
    const moving = new AbortController();
    const stop = this.#options.watch(outer, () => moving.abort(moving));
    const signal = task.signal === undefined ? moving.signal : AbortSignal.any([task.signal, moving.signal]);
    try {
      return await resource.acquire({ ...task, signal });
    } catch (error) {
      if (error !== moving) throw error;
    } finally {
      stop();
    }
    try {
      return await insideOf(outer, () => resource.acquire({ ...task, waitedMs: performance.now() - since }));
    } catch (error) {
      throw this.#withSites(error, site, outer);
    }
  }

  /** A deadlock with both places in the program; any other error as it is. */
  #withSites(error: unknown, inner: Site, outer: Held<Connection>): unknown {
    if (!(error instanceof LanewayError) || error.code !== "LANEWAY_DEADLOCK") return error;
    const { noun, stackLines } = this.#options;
    const message =
      `${error.message}\nThis ${noun} was asked for here:\n${stackLines(inner)}\n` +
      `by whoever holds the one that was asked for here:\n${stackLines(outer.site)}`;
    return new LanewayError(message, error);
  }
}

/** The connection is out, or, without one, the checkout is over. */
export function holds<Connection>(held: Held<Connection>, permit?: Permit, connection?: Connection): void {
  held.permit = permit;
  held.connection = connection;
  held.over = permit === undefined;
}

/** Runs `submit` as part of the task of the outer checkout, for the core to see. */
function insideOf<T>({ permit }: Held<unknown>, submit: () => T): T {
  if (permit === undefined) return submit();
  return asyncContext.run({ ...asyncContext.get(), holder: { task: permit, outer: undefined } }, submit);
}
