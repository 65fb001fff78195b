/**
 * Checkouts inside checkouts. Whoever holds a connection and waits for another keeps its seat until that wait ends; when
 * all seats are held so, nobody ever moves. The core knows (`core/nesting.ts`), once it is told which wait is inside which
 * checkout: that is what is found out here.
 *
 * A checkout is the caller's own from `getConnection` on, so the async context of the caller says so from there on. It
 * cannot say when the caller hands the connection to somebody else, who goes on and releases it. So a wait counts as
 * inside only the last checkout before it, and only when that connection does nothing: one that answers a ping at once,
 * twice, has no other command to wait for.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { LanewayError } from "../../core/errors.ts";
import type { TaskOptions } from "../../core/options.ts";
import type { Permit } from "../../core/permit.ts";
import type { Resource } from "../../core/resource.ts";
import { asyncContext } from "../../node/context.ts";
import type { DriverConnection } from "./driver.ts";
import { stackLines } from "./site.ts";
import type { Site } from "./site.ts";

/** How many pings in a row must come back, and how soon, in milliseconds. */
const IDLE_PINGS = 2;
const PING_EVERY_MS = 50;

/** A checkout from `getConnection` until its connection is released. */
export interface Held {
  readonly resource: Resource;
  readonly site: Site;
  readonly outer: Held | undefined;
  /** Set while the connection is out. */
  permit: Permit | undefined;
  connection: DriverConnection | undefined;
  over: boolean;
}

const storage = new AsyncLocalStorage<Held | undefined>();

/** A checkout that begins. */
export function beginHeld(resource: Resource, site: Site): Held {
  let outer = storage.getStore();
  // Only what is not over: a loop that checks out for ever must not build a chain.
  while (outer?.over === true) outer = outer.outer;
  return { resource, site, outer, permit: undefined, connection: undefined, over: false };
}

/** From here on the caller's code, and what it starts, is inside this checkout. */
export function enterHeld(held: Held): void {
  storage.enterWith(held);
}

/** Runs `fn` inside this checkout, or outside of all. */
export function runHeld<T>(held: Held | undefined, fn: () => T): T {
  return storage.run(held, fn);
}

/** The connection is out, or, without one, the checkout is over. */
export function holds(held: Held, permit?: Permit, connection?: DriverConnection): void {
  held.permit = permit;
  held.connection = connection;
  held.over = permit === undefined;
}

/** The checkout that the running code is inside of, if any. */
export function heldNow(): Held | undefined {
  return storage.getStore();
}

/** Waits for a permit; a wait inside a checkout that does nothing but wait is told to the core as such. */
export function acquire(resource: Resource, task: TaskOptions, site: Site | undefined): Promise<Permit> {
  const outer = heldHere(resource);
  return outer === undefined ? resource.acquire(task) : acquireInside(outer, resource, task, site ?? {});
}

function heldHere(resource: Resource): Held | undefined {
  for (let held = storage.getStore(); held !== undefined; held = held.outer)
    if (held.permit !== undefined && held.resource === resource) return held;
  return undefined;
}

async function acquireInside(
  outer: Held,
  resource: Resource,
  task: TaskOptions,
  site: Site,
): Promise<Permit> {
  const since = performance.now();
  const nested = new AbortController();
  const stop = watch(outer, () => nested.abort(nested));
  try {
    return await resource.acquire({ ...task, signal: nested.signal });
  } catch (error) {
    if (error !== nested) throw error;
  } finally {
    stop();
  }
  try {
    return await insideOf(outer, () => resource.acquire({ ...task, waitedMs: performance.now() - since }));
  } catch (error) {
    throw withSites(error, site, outer);
  }
}

/** Calls `nested` once the outer checkout is found to do nothing but wait; returns what ends the watch. */
function watch(outer: Held, nested: () => void): () => void {
  let answered = 0;
  let ping: { isLate: boolean } | undefined;
  const timer = setInterval(() => {
    const { connection } = outer;
    if (connection === undefined) return clearInterval(timer);
    if (answered >= IDLE_PINGS) {
      clearInterval(timer);
      return nested();
    }
    if (ping !== undefined) {
      // It stands behind somebody else's command.
      ping.isLate = true;
      return;
    }
    const own = { isLate: false };
    ping = own;
    connection.ping((error) => {
      ping = undefined;
      answered = own.isLate || (error !== null && error !== undefined) ? 0 : answered + 1;
    });
  }, PING_EVERY_MS).unref();
  return () => clearInterval(timer);
}

/** Runs `submit` as part of the task of the outer checkout, for the core to see. */
function insideOf<T>({ permit }: Held, submit: () => T): T {
  if (permit === undefined) return submit();
  return asyncContext.run({ ...asyncContext.get(), holder: { task: permit, outer: undefined } }, submit);
}

/** A deadlock with both places in the program; any other error as it is. */
function withSites(error: unknown, inner: Site, outer: Held): unknown {
  if (!(error instanceof LanewayError) || error.code !== "LANEWAY_DEADLOCK") return error;
  const message =
    `${error.message}\nThis connection was asked for here:\n${stackLines(inner)}\n` +
    `by whoever holds the one that was asked for here:\n${stackLines(outer.site)}`;
  return new LanewayError(message, error);
}
