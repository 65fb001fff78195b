/**
 * Checkouts inside checkouts. Whoever holds a client and waits for another keeps its seat until that wait ends; when all
 * seats are held so, nobody ever moves. The core knows (`core/nesting.ts`), once it is told which wait is inside which
 * checkout: that is what is found out here.
 *
 * A checkout is the caller's own from `connect` on, so the async context of the caller says so from there on. It cannot
 * say when the caller hands the client to somebody else, who goes on and releases it. So a wait counts as inside only the
 * last checkout before it, and only when nothing has run on that client for a while.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { PoolClient } from "pg";
import { LanewayError } from "../../core/errors.ts";
import type { TaskOptions } from "../../core/options.ts";
import type { Permit } from "../../core/permit.ts";
import type { Resource } from "../../core/resource.ts";
import { asyncContext } from "../../node/context.ts";
import { siteHere, stackLines } from "./site.ts";
import type { Site } from "./site.ts";

/** How often a client must be found idle in a row, and how far apart, in milliseconds. */
const IDLE_LOOKS = 2;
const LOOK_EVERY_MS = 50;

/** A checkout from `connect` until its client is released. */
export interface Held {
  readonly resource: Resource;
  readonly site: Site;
  readonly outer: Held | undefined;
  /** Set while the client is out. */
  permit: Permit | undefined;
  client: PoolClient | undefined;
  over: boolean;
}

const storage = new AsyncLocalStorage<Held>();

/** The last checkout that the running code has made and not given back. */
export function heldHere(resource: Resource): Held | undefined {
  for (let held = storage.getStore(); held !== undefined; held = held.outer)
    if (held.permit !== undefined && held.resource === resource) return held;
  return undefined;
}

/** A checkout that begins. */
export function beginHeld(resource: Resource, site: Site): Held {
  let outer = storage.getStore();
  // Only what is not over: a loop that checks out for ever must not build a chain.
  while (outer?.over === true) outer = outer.outer;
  return { resource, site, outer, permit: undefined, client: undefined, over: false };
}

/** From here on the caller's code, and what it starts, is inside this checkout. */
export function enterHeld(held: Held): void {
  storage.enterWith(held);
}

/** Runs `fn` inside this checkout. */
export function runHeld<T>(held: Held, fn: () => T): T {
  return storage.run(held, fn);
}

/** The client is out, or, without one, the checkout is over. */
export function holds(held: Held, permit?: Permit, client?: PoolClient): void {
  held.permit = permit;
  held.client = client;
  held.over = permit === undefined;
}

/** Waits for a permit; a wait inside a checkout that does nothing but wait is told to the core as such. */
export function acquire(
  resource: Resource,
  task: TaskOptions,
  site: Site | undefined,
  signal: AbortSignal | undefined,
): Promise<Permit> {
  const own = signal === undefined ? task : { ...task, signal };
  const outer = heldHere(resource);
  return outer === undefined
    ? resource.acquire(own)
    : acquireInside(outer, resource, own, site ?? siteHere());
}

async function acquireInside(
  outer: Held,
  resource: Resource,
  task: TaskOptions,
  site: Site,
): Promise<Permit> {
  const since = performance.now();
  const moving = new AbortController();
  const stop = watch(outer, () => moving.abort(moving));
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
    throw withSites(error, site, outer);
  }
}

/** Calls `nested` once the outer checkout is found to do nothing but wait; returns what ends the watch. */
function watch(outer: Held, nested: () => void): () => void {
  let idle = 0;
  const timer = setInterval(() => {
    if (outer.over) return clearInterval(timer);
    idle = isIdle(outer.client) ? idle + 1 : 0;
    if (idle < IDLE_LOOKS) return;
    clearInterval(timer);
    nested();
  }, LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}

/**
 * The driver says so of its own clients, in a field that it does not document. Where that is missing nothing is known,
 * and a client counts as busy: a deadlock is then ended by a time-out, and nobody is refused who is none.
 */
function isIdle(client: PoolClient | undefined): boolean {
  return (client as { readonly readyForQuery?: unknown } | undefined)?.readyForQuery === true;
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
    `${error.message}\nThis client was asked for here:\n${stackLines(inner)}\n` +
    `by whoever holds the one that was asked for here:\n${stackLines(outer.site)}`;
  return new LanewayError(message, error);
}
