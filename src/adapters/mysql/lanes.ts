/** The lanes of one pool: who may have its next connection, and when it is given back. */

import { holds, NOWHERE } from "../../calls/nested-checkouts.ts";
import type { TaskOptions } from "../../core/options.ts";
import type { Permit } from "../../core/permit.ts";
import { asyncContext, currentLane } from "../../node/context.ts";
import { nameLane } from "./driver.ts";
import type { Connected, DriverCalls, DriverConnection, DriverPool } from "./driver.ts";
import { nested } from "./nested.ts";
import type { Held } from "./nested.ts";
import type { LaneSettings } from "./options.ts";
import { siteHere, stackLines } from "./site.ts";
import type { Site } from "../../calls/nested-checkouts.ts";

/** Which lane a call named, set while the call is made: `getConnection` reads it before anything else runs. */
export type How = Pick<TaskOptions, "lane" | "flow">;

/** One connection in use, or on its way to whoever asked for it. */
interface Checkout {
  readonly permit: Permit;
  readonly ask: Ask;
  warning: NodeJS.Timeout | undefined;
}

/** Who asks for a connection, and how. */
interface Ask {
  readonly how: How;
  /** Undefined where the pool itself asks, for one query: it gives the connection back by itself. */
  readonly held: Held | undefined;
  /** The query failed. */
  failed: boolean;
}

const ENDED = "Pool is closed.";
const NO_WAITING = "No connections available.";
const TOO_MANY = "Queue limit reached.";

export class Lanes {
  readonly settings: LaneSettings;
  readonly #pool: DriverPool;
  /** The driver's own methods, for those that lanes stand in front of. */
  readonly #driver: DriverCalls;
  readonly #out = new Map<DriverConnection, Checkout>();
  /** Callbacks that have a permit: the driver may call `getConnection` with them again. */
  readonly #opening = new Set<Connected>();
  #how: How;
  /** Puts the reservations in force; undefined when they are, or when there are none. */
  #reserve: (() => void) | undefined;
  /** Set while the driver's own `query` or `execute` calls `getConnection`. */
  #query: Ask | undefined = undefined;
  /** Set while a pool of promises calls `getConnection`. */
  #promised = false;
  #waiting = 0;
  /** Those who were let in and have not given their connection back. */
  #inside = 0;
  /** Whoever called `end` while connections were in use; it goes on when they are not. */
  #ending: ((error?: Error | null) => void)[] | undefined = undefined;

  constructor(pool: DriverPool, driver: DriverCalls, settings: LaneSettings) {
    this.#pool = pool;
    this.#driver = driver;
    this.settings = settings;
    this.#reserve = settings.reserve;
    this.#how = settings.lane === undefined ? {} : { lane: settings.lane };
  }

  /** Every call to the pool that `call` makes before it returns is in this lane. */
  as<T>(how: How, call: () => T): T {
    const before = this.#how;
    this.#how = how;
    try {
      return call();
    } finally {
      this.#how = before;
    }
  }

  /** From its answer on the caller of this `getConnection` holds a connection, and so does all that it starts. */
  promised<T>(call: () => T): T {
    const before = this.#promised;
    this.#promised = true;
    try {
      return call();
    } finally {
      this.#promised = before;
    }
  }

  getConnection(callback: Connected): void {
    if (this.#opening.has(callback)) return this.#driver.getConnection(callback);
    const query = this.#query;
    if (query !== undefined) {
      // Whatever else is called from inside is a call of its own.
      this.#query = undefined;
      return this.#checkOut(query, callback);
    }
    const held = nested.begin(this.settings.resource, siteHere());
    const ask: Ask = { how: this.#how, held, failed: false };
    if (this.#promised) {
      this.#checkOut(ask, callback);
      return nested.enter(held);
    }
    this.#checkOut(ask, inContext(callback, held));
  }

  /** The driver's own `query` or `execute`: it asks for the connection and gives it back. */
  query(name: "query" | "execute", given: unknown[]): unknown {
    const ask: Ask = { how: this.#how, held: undefined, failed: false };
    const last = given.at(-1);
    if (typeof last === "function") {
      const answer = inContext(last as (...answer: unknown[]) => void, nested.now());
      given[given.length - 1] = (error: unknown, ...rest: unknown[]) => {
        if (error instanceof Error) ask.failed = true;
        answer(error, ...rest);
      };
    }
    const before = this.#query;
    this.#query = ask;
    try {
      return this.#driver[name](...given);
    } finally {
      this.#query = before;
    }
  }

  /** The driver calls this for every connection that comes back, and for every one that is gone. */
  releaseConnection(connection: DriverConnection): void {
    this.#driver.releaseConnection(connection);
    const checkout = this.#out.get(connection);
    if (checkout === undefined) return;
    this.#out.delete(connection);
    this.#givenBack(checkout);
  }

  end(callback?: (error?: Error | null) => void): void {
    if (this.#inside === 0 && this.#waiting === 0) return this.#driver.end(callback);
    this.#ending ??= [];
    if (callback !== undefined) this.#ending.push(callback);
  }

  #checkOut(ask: Ask, callback: Connected): void {
    const refuse = (error: Error): void => {
      if (ask.held !== undefined) holds(ask.held);
      process.nextTick(callback, error);
    };
    if (this.#ending !== undefined) return refuse(new Error(ENDED));
    const { resource } = this.settings;
    const { how, held } = ask;
    if (this.#reserve !== undefined && (how.lane ?? currentLane()) !== undefined) {
      this.#reserve();
      this.#reserve = undefined;
    }
    const { waitForConnections, queueLimit } = this.#pool.config;
    try {
      const permit = resource.tryAcquire(how);
      if (permit !== undefined) return this.#open(permit, ask, callback);
      if (!waitForConnections) return refuse(new Error(NO_WAITING));
      if (queueLimit > 0 && this.#waiting >= queueLimit) return refuse(new Error(TOO_MANY));
    } catch (error) {
      return refuse(error as Error);
    }
    this.#waiting++;
    this.#pool.emit("enqueue");
    nested.acquire(resource, how, held?.site).then(
      (permit) => {
        this.#waiting--;
        this.#open(permit, ask, callback);
      },
      (error: Error) => {
        this.#waiting--;
        refuse(error);
        this.#endIfIdle();
      },
    );
  }

  /** Nothing of the lane reaches a new connection: what it emits later is nobody's in particular. */
  #open(permit: Permit, ask: Ask, callback: Connected): void {
    this.#inside++;
    const opened: Connected = (error, connection) => {
      this.#opening.delete(opened);
      if (connection === undefined) {
        nameLane(error, permit.lane);
        this.#over(permit, ask, true);
        return callback(error);
      }
      this.#begin(connection, { permit, ask, warning: undefined });
      callback(null, connection);
    };
    this.#opening.add(opened);
    try {
      outside(() => this.#driver.getConnection(opened));
    } catch (error) {
      this.#opening.delete(opened);
      // A connection that cannot even be made, for a wrong option say.
      this.#over(permit, ask, true);
      process.nextTick(callback, error);
    }
  }

  #begin(connection: DriverConnection, checkout: Checkout): void {
    const { permit, ask } = checkout;
    const before = this.#out.get(connection);
    // The driver asked again for somebody who had a permit, by a callback of its own: one of the two is too many.
    if (before !== undefined) this.#givenBack(before);
    if (ask.held !== undefined) {
      holds(ask.held, permit, connection);
      checkout.warning = this.#warnOf(permit, ask.held.site);
    }
    this.#out.set(connection, checkout);
  }

  #givenBack({ permit, ask, warning }: Checkout): void {
    clearTimeout(warning);
    this.#over(permit, ask, ask.failed);
  }

  #over(permit: Permit, { held }: Ask, failed: boolean): void {
    if (held !== undefined) holds(held);
    this.#inside--;
    permit.release({ failed });
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    const ending = this.#ending;
    if (ending === undefined || this.#inside > 0 || this.#waiting > 0) return;
    this.#ending = undefined;
    if (ending.length === 0) return this.#driver.end();
    this.#driver.end((error) => {
      for (const callback of ending) callback(error);
    });
  }

  #warnOf(permit: Permit, site: Site): NodeJS.Timeout | undefined {
    const { checkoutWarningMs } = this.settings;
    if (checkoutWarningMs === 0) return undefined;
    const warn = (): void => {
      const message =
        `a connection of lane "${permit.lane}" was not released for ${checkoutWarningMs} ms: call connection.release() ` +
        `when done, also after an error. It was checked out here:\n${stackLines(site)}`;
      process.emitWarning(message, { type: "LanewayCheckoutWarning" });
    };
    return setTimeout(warn, checkoutWarningMs).unref();
  }
}

/** What a connection does is part of no lane and no checkout: it outlives whoever was the first to need it. */
function outside(fn: () => void): void {
  if (asyncContext.get() === undefined && nested.now() === undefined) return fn();
  nested.run(undefined, () => asyncContext.run(NOWHERE, fn));
}

/** A connection answers outside of any lane; its caller goes on where it was. */
function inContext<Args extends unknown[]>(
  callback: (...given: Args) => void,
  held: Held | undefined,
): (...given: Args) => void {
  const ambient = asyncContext.get();
  if (ambient === undefined && held === undefined) return callback;
  return (...given) => asyncContext.run(ambient ?? NOWHERE, () => nested.run(held, () => callback(...given)));
}
