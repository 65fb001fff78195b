/** A class of pools with lanes, made from the driver's own: `connect` waits for its turn, all else is the driver's. */

import type { Pool, PoolConfig, QueryConfig, QueryResult, QueryResultRow } from "pg";
import { invalid } from "../../core/errors.ts";
import type { Resource } from "../../core/resource.ts";
import { checkLane } from "./config.ts";
import type { LanedPoolConfig } from "./config.ts";
import type { Connected, DriverPool, PoolClass } from "./driver.ts";
import { PoolLanes } from "./lanes.ts";

/** How a part of the program uses the pool, beside its lane. */
export interface InLaneOptions {
  /** Who is asking: the unit of fairness inside the lane. Default: the async context's. */
  readonly flow?: string;
  /**
   * Its queries may be stopped when a higher lane finds no seat, and are sent again in their turn: only for statements that
   * may run twice. Checkouts are never stopped. Default false.
   */
  readonly preemptible?: boolean;
}

/** A query that may be stopped for a higher lane and is sent again in its turn. */
export type PreemptibleQuery = QueryConfig & { readonly preemptible: boolean };

/** A `pg.Pool` whose connections are given out by lanes. */
export interface Laned extends Pool {
  /** The seats of this pool: one for each connection in use. */
  readonly resource: Resource;
  /**
   * The same pool, with every checkout and query in this lane. It is a whole pool: an ORM may be given it.
   *
   * @throws LanewayError `LANEWAY_INVALID` for a lane that the resource does not have.
   * @example
   * await pool.inLane("bulk").query("refresh materialized view report");
   */
  inLane(lane: string, options?: InLaneOptions): this;
  /** As the driver's; a statement that may run twice can be declared `preemptible`. */
  query: Pool["query"] &
    (<Row extends QueryResultRow = QueryResultRow>(query: PreemptibleQuery) => Promise<QueryResult<Row>>);
}

/** A class of laned pools. */
export type LanedPoolClass = new (config?: LanedPoolConfig) => Laned;

const CALLS: ReadonlySet<string | symbol> = new Set(["connect", "query"]);

/**
 * `LanedPool` for another copy of `pg` than the one that `laneway/pg` finds: an ORM may bring its own and accept only
 * pools of it.
 *
 * @throws LanewayError `LANEWAY_INVALID` when it is given no class.
 * @example
 * const OrmPool = lanedPool(pg.Pool);
 * const pool = new OrmPool({ connectionString, max: 20 });
 */
export function lanedPool(Base: PoolClass): LanedPoolClass {
  if (typeof Base !== "function") throw invalid("lanedPool", "the class pg.Pool", Base);
  const Driver = Base as unknown as new (config?: PoolConfig, Client?: unknown) => DriverPool;

  class LanedPool extends Driver {
    readonly #lanes: PoolLanes;

    constructor(config: LanedPoolConfig = {}, Client?: unknown) {
      // As it is: the driver hides the password of the very object it is given.
      super(config, Client);
      const driver = {
        connect: (callback: Connected): void => super.connect(callback),
        end: (callback?: () => void): Promise<void> | undefined => super.end(callback),
        query: (text: unknown, values: unknown, callback: unknown): unknown =>
          super.query(text, values, callback),
      };
      this.#lanes = new PoolLanes(this, driver, config);
    }

    get resource(): Resource {
      return this.#lanes.resource;
    }

    override get waitingCount(): number {
      return super.waitingCount + this.#lanes.waiting;
    }

    override connect(callback?: Connected): never {
      return this.#lanes.connect(callback) as never;
    }

    // As the driver's own: a rest parameter would cost every query an array.
    override query(text: unknown, values?: unknown, callback?: unknown): unknown {
      return this.#lanes.query(text, values, callback);
    }

    override end(callback?: () => void): Promise<void> | undefined {
      return this.#lanes.end(callback);
    }

    inLane(lane: string, options: InLaneOptions = {}): this {
      checkLane(this.resource, "inLane", lane);
      const lanes = this.#lanes;
      const { preemptible = false, ...rest } = options;
      const how = { task: { ...rest, lane }, preemptible };
      return new Proxy(this, {
        get: (pool, key) => {
          const value: unknown = Reflect.get(pool, key, pool);
          if (typeof value !== "function" || key === "constructor") return value;
          if (!CALLS.has(key)) return value.bind(pool) as unknown;
          return (...given: unknown[]): unknown => lanes.as(how, () => value.apply(pool, given) as unknown);
        },
      });
    }
  }
  return LanedPool as unknown as LanedPoolClass;
}
