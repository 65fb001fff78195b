/** Options of a laned pool, and the resource that it has when it is given none. */

import type { PoolConfig } from "pg";
import { LONGEST_MS, number, whole } from "../../core/checks.ts";
import { FIVE_LANES } from "../../core/config.ts";
import { invalid } from "../../core/errors.ts";
import type { LaneOptions } from "../../core/options.ts";
import type { Resource as CoreResource } from "../../core/resource.ts";
import { Resource } from "../../node/resource.ts";

/** `pg.Pool`'s own options and these; every one has a default. */
export interface LanedPoolConfig extends PoolConfig {
  /**
   * The seats, one for each connection: `laneway.resource("main-db")`, with the policy's shares. Its limit is the number
   * of connections, also after a change, unless `max` is given too: then the smaller one holds. A query of `pool.query`
   * that outlives its lane's time-out, or its caller's deadline, is answered at once and stopped at the server, and its
   * connection is closed; a client that is checked out is its caller's until it is released.
   *
   * Without it the pool has a resource of its own with `max` seats and no time-outs for what runs; once somebody names a
   * lane, one seat is kept for `critical`, from four on, and one more for `high`, from eight on.
   */
  readonly resource?: CoreResource | undefined;
  /** The lane of checkouts that `inLane` names none for. Default: that of the async context, else the resource's default. */
  readonly lane?: string | undefined;
  /** After how many milliseconds a client that was not released is warned of, once; 0 is never. Default 30,000. */
  readonly checkoutWarningMs?: number | undefined;
  /** How often a preemptible query may be stopped before it is left to finish. Default 3. */
  readonly preemptions?: number | undefined;
}

/** Those of them that the driver does not know, checked. */
export interface LaneSettings {
  readonly resource: CoreResource;
  /** Puts the pool's own reservations in force; undefined for a resource that was given. */
  readonly reserve: (() => void) | undefined;
  readonly lane: string | undefined;
  readonly checkoutWarningMs: number;
  readonly preemptions: number;
}

const NAME = "postgres";
const CHECKOUT_WARNING_MS = 30_000;
const PREEMPTIONS = 3;
const MOST_PREEMPTIONS = 1_000;
const RESERVE_FROM = 4;
const RESERVE_TWO_FROM = 8;

/** @throws LanewayError `LANEWAY_INVALID`, naming the option. */
export function laneSettings(config: LanedPoolConfig, max: number): LaneSettings {
  const { resource, lane, checkoutWarningMs, preemptions } = config;
  if (resource !== undefined && typeof resource?.tryAcquire !== "function")
    throw invalid("LanedPool: resource", "a Resource", resource);
  if (lane !== undefined && typeof lane !== "string") throw invalid("LanedPool: lane", "a lane's name", lane);
  const own = resource === undefined ? ownResource(max) : { resource, reserve: undefined };
  if (lane !== undefined) checkLane(own.resource, "LanedPool: lane", lane);
  return {
    ...own,
    lane,
    checkoutWarningMs: number(
      "LanedPool: checkoutWarningMs",
      checkoutWarningMs ?? CHECKOUT_WARNING_MS,
      0,
      LONGEST_MS,
    ),
    preemptions: whole("LanedPool: preemptions", preemptions ?? PREEMPTIONS, 0, MOST_PREEMPTIONS),
  };
}

/** @throws LanewayError `LANEWAY_INVALID` for a lane that the resource does not have. */
export function checkLane(resource: CoreResource, place: string, lane: string): void {
  const names = resource.snapshot().lanes.map(({ name }) => name);
  if (!names.includes(lane)) throw invalid(place, `one of ${names.join(", ")}`, lane);
}

/**
 * The five lanes, with a seat that is always there for what is most important. Percentages as for other resources would
 * leave most of a small pool idle while nothing important comes; and as long as nobody names a lane nothing is reserved
 * at all, so that a program that has none yet uses the whole pool. What runs may take its time, as in the driver's pool:
 * a query is given up at its lane's time-out, and here nobody has set one.
 */
function ownResource(max: number): Pick<LaneSettings, "resource" | "reserve"> {
  const reserved = new Map<string, number>();
  if (max >= RESERVE_FROM) reserved.set("critical", 1);
  if (max >= RESERVE_TWO_FROM) reserved.set("high", 1);
  const lanes = (seats: ReadonlyMap<string, number>): LaneOptions[] =>
    FIVE_LANES.map(({ name }) => ({
      name,
      reservation: seats.get(name) ?? 0,
      lendable: 0,
      timeoutMs: LONGEST_MS,
    }));
  const resource = new Resource({ name: NAME, limit: max, lanes: lanes(new Map()), detectDeadlock: true });
  if (reserved.size === 0) return { resource, reserve: undefined };
  return { resource, reserve: () => resource.update({ lanes: lanes(reserved) }) };
}
