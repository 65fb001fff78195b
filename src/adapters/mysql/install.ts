/** Lanes in front of the methods of a pool. The pool stays the object that it was: there is no way around them. */

import { invalid } from "../../core/errors.ts";
import type { AnyPool, DriverCalls, DriverPool, PromisePool } from "./driver.ts";
import { Lanes } from "./lanes.ts";
import type { How } from "./lanes.ts";
import { checkLane, laneSettings } from "./options.ts";
import type { InLaneOptions, Laned, LanedPoolOptions } from "./options.ts";

const laned = new WeakSet<object>();

const CALLS: ReadonlySet<string | symbol> = new Set(["getConnection", "query", "execute"]);

/** @throws LanewayError `LANEWAY_INVALID` for a wrong option, for what is no pool, and for a pool that has lanes. */
export function installLanes<P extends AnyPool>(pool: P, options: LanedPoolOptions): P & Laned {
  const given = pool as AnyPool | undefined;
  const inner = (given !== undefined && given !== null && "pool" in given ? given.pool : given) as
    | DriverPool
    | undefined;
  if (typeof inner?.releaseConnection !== "function" || typeof inner.config?.connectionLimit !== "number")
    throw invalid("lanedPool", "a pool that createPool of mysql2 or mysql2/promise has made", pool);
  if (laned.has(inner)) throw invalid("lanedPool", "a pool without lanes", "one that has them");
  const driver: DriverCalls = {
    getConnection: inner.getConnection.bind(inner),
    releaseConnection: inner.releaseConnection.bind(inner),
    query: inner.query.bind(inner),
    execute: inner.execute.bind(inner),
    end: inner.end.bind(inner),
    promise: inner.promise.bind(inner),
  };
  const lanes = new Lanes(inner, driver, laneSettings(options, inner.config.connectionLimit));
  laned.add(inner);
  const calls: DriverCalls = {
    getConnection: (callback) => lanes.getConnection(callback),
    releaseConnection: (connection) => lanes.releaseConnection(connection),
    query: (...values) => lanes.query("query", values),
    execute: (...values) => lanes.query("execute", values),
    end: (callback) => lanes.end(callback),
    promise: (...values) => promisesOf(driver.promise(...values), lanes),
  };
  Object.assign(inner, calls, faceOf(inner, lanes));
  if (given !== (inner as unknown)) promisesOf(given as PromisePool, lanes);
  return pool as P & Laned;
}

function promisesOf(pool: PromisePool, lanes: Lanes): PromisePool {
  const getConnection = pool.getConnection.bind(pool);
  return Object.assign(pool, { getConnection: () => lanes.promised(getConnection) }, faceOf(pool, lanes));
}

function faceOf(pool: object, lanes: Lanes): Laned {
  const { resource } = lanes.settings;
  return {
    resource,
    inLane(lane, { flow }: InLaneOptions = {}) {
      checkLane(resource, "inLane", lane);
      return inLane(pool, lanes, { lane, ...(flow === undefined ? {} : { flow }) }) as Laned;
    },
  };
}

/** The same pool seen from a lane; so are the pool inside it, and its form with promises. */
function inLane<P extends object>(target: P, lanes: Lanes, how: How): P {
  return new Proxy(target, {
    get(pool, key) {
      const value: unknown = Reflect.get(pool, key, pool);
      if (key === "pool") return inLane(value as object, lanes, how);
      if (typeof value !== "function" || key === "constructor") return value;
      const call = (...given: unknown[]): unknown => value.apply(pool, given) as unknown;
      if (key === "promise") return (...given: unknown[]) => inLane(call(...given) as object, lanes, how);
      if (!CALLS.has(key)) return call;
      return (...given: unknown[]): unknown => lanes.as(how, () => call(...given));
    },
  });
}
