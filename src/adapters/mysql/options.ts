/** Options of a laned pool, and the resource that it has when it is given none. */

import { LONGEST_MS, number } from "../../core/checks.ts";
import { FIVE_LANES } from "../../core/config.ts";
import { invalid } from "../../core/errors.ts";
import type { LaneOptions } from "../../core/options.ts";
import type { Resource as CoreResource } from "../../core/resource.ts";
import { Resource } from "../../node/resource.ts";

/** Options of `lanedPool`; every one has a default. */
export interface LanedPoolOptions {
  /**
   * The seats, one for each connection: `laneway.resource("main-db")`, with the policy's shares. Its limit may not be above
   * the pool's `connectionLimit`. Without it the pool has a resource of its own with `connectionLimit` seats; once somebody
   * names a lane one of them is kept for `critical`, from four on, and one more for `high`, from eight on.
   */
  readonly resource?: CoreResource | undefined;
  /** The lane of calls that `inLane` names none for. Default: that of the async context, else the resource's default. */
  readonly lane?: string | undefined;
  /** After how many milliseconds a connection that was not released is warned of, once; 0 is never. Default 30,000. */
  readonly checkoutWarningMs?: number | undefined;
}

/** How a part of the program uses the pool, beside its lane. */
export interface InLaneOptions {
  /** Who is asking: the unit of fairness inside the lane. Default: the async context's. */
  readonly flow?: string;
}

/** What a pool has beside its own methods once there are lanes in it. */
export interface Laned {
  /** The seats of this pool: one for each connection in use. */
  readonly resource: CoreResource;
  /**
   * The same pool, with every call in this lane. It is a whole pool: an ORM may be given it.
   *
   * @throws LanewayError `LANEWAY_INVALID` for a lane that the resource does not have.
   * @example
   * await pool.inLane("bulk").query("optimize table visits");
   */
  inLane(lane: string, options?: InLaneOptions): this;
}

/** The options, checked. */
export interface LaneSettings {
  readonly resource: CoreResource;
  /** Puts the pool's own reservations in force; undefined for a resource that was given. */
  readonly reserve: (() => void) | undefined;
  readonly lane: string | undefined;
  readonly checkoutWarningMs: number;
}

const NAME = "mysql";
const OPTIONS: ReadonlySet<string> = new Set(["resource", "lane", "checkoutWarningMs"]);
const CHECKOUT_WARNING_MS = 30_000;
const RESERVE_FROM = 4;
const RESERVE_TWO_FROM = 8;

/** @throws LanewayError `LANEWAY_INVALID`, naming the option. */
export function laneSettings(options: LanedPoolOptions, connectionLimit: number): LaneSettings {
  for (const key of Object.keys(options))
    if (!OPTIONS.has(key)) throw invalid("lanedPool", `an option out of ${[...OPTIONS].join(", ")}`, key);
  const { resource, lane, checkoutWarningMs = CHECKOUT_WARNING_MS } = options;
  if (resource !== undefined && typeof resource?.tryAcquire !== "function")
    throw invalid("lanedPool: resource", "a Resource", resource);
  if (lane !== undefined && typeof lane !== "string") throw invalid("lanedPool: lane", "a lane's name", lane);
  const own =
    resource === undefined ? ownResource(connectionLimit) : givenResource(resource, connectionLimit);
  if (lane !== undefined) checkLane(own.resource, "lanedPool: lane", lane);
  return {
    ...own,
    lane,
    checkoutWarningMs: number("lanedPool: checkoutWarningMs", checkoutWarningMs, 0, LONGEST_MS),
  };
}

/** @throws LanewayError `LANEWAY_INVALID` for a lane that the resource does not have. */
export function checkLane(resource: CoreResource, place: string, lane: string): void {
  const names = resource.snapshot().lanes.map(({ name }) => name);
  if (!names.includes(lane)) throw invalid(place, `one of ${names.join(", ")}`, lane);
}

type Seats = Pick<LaneSettings, "resource" | "reserve">;

/** With more seats than connections, those beyond would wait in the driver's own queue, which knows no lanes. */
function givenResource(resource: CoreResource, connectionLimit: number): Seats {
  const { limit } = resource.snapshot();
  if (connectionLimit > 0 && limit > connectionLimit)
    throw invalid(
      `lanedPool: resource "${resource.name}"`,
      `a limit of at most the pool's connectionLimit, which is ${connectionLimit}`,
      limit,
      "give createPool that connectionLimit, or lower the resource's limit",
    );
  return { resource, reserve: undefined };
}

/**
 * The five lanes, with a seat that is always there for what is most important. Percentages as for other resources would
 * leave most of a small pool idle while nothing important comes; and as long as nobody names a lane nothing is reserved
 * at all, so that a program that has none yet uses the whole pool.
 */
function ownResource(limit: number): Seats {
  if (limit === 0)
    throw invalid(
      "lanedPool",
      "a pool with a connectionLimit",
      limit,
      "or give it a resource, whose limit then holds",
    );
  const reserved = new Map<string, number>();
  if (limit >= RESERVE_FROM) reserved.set("critical", 1);
  if (limit >= RESERVE_TWO_FROM) reserved.set("high", 1);
  const lanes = (seats: ReadonlyMap<string, number>): LaneOptions[] =>
    FIVE_LANES.map(({ name }) => ({ name, reservation: seats.get(name) ?? 0, lendable: 0 }));
  const resource = new Resource({ name: NAME, limit, lanes: lanes(new Map()), detectDeadlock: true });
  if (reserved.size === 0) return { resource, reserve: undefined };
  return { resource, reserve: () => resource.update({ lanes: lanes(reserved) }) };
}
