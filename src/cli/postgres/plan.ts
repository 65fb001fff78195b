/** What each lane gets of a PostgreSQL server that several processes share: whole connections, from the policy's shares. */

import { shares } from "../../core/seats.ts";
import type { Share } from "../../core/seats.ts";
import { checkResource } from "../../policy/options.ts";
import { withResource } from "../../policy/policy.ts";
import type { Policy, PolicyResource } from "../../policy/policy.ts";

/** One lane on the server. */
export interface LaneRole {
  readonly lane: string;
  readonly role: string;
  /** The most connections that the role may hold at once. */
  readonly connectionLimit: number;
  /** Its part when the lanes share nothing: these add up to at most all connections. */
  readonly poolSize: number;
  /** What the server keeps for such roles while they are idle; 0: it is not one of them. */
  readonly reserved: number;
  readonly statementTimeoutMs: number;
  /** Whether the server may put several of its processes to one query: not below the default lane. */
  readonly parallel: boolean;
  /** Shown in `pg_stat_activity` of clients that give no name of their own. */
  readonly applicationName: string;
}

/** Everything that the SQL says. */
export interface ServerPlan {
  readonly file: string | undefined;
  readonly resource: string;
  /** What all processes together may hold. */
  readonly connections: number;
  readonly serverVersion: number;
  /** Connection limits add up to at most all connections: nothing is lent. */
  readonly split: boolean;
  readonly reservedConnections: number;
  readonly roles: readonly LaneRole[];
  /** Lanes that take no seat, and have no role for it. */
  readonly exempt: readonly string[];
  /** The role whose rights they get. */
  readonly memberOf: string | undefined;
}

/** What may be asked for. */
export interface PlanOptions {
  readonly resource?: string | undefined;
  readonly maxConnections?: number | undefined;
  readonly prefix: string;
  readonly memberOf?: string | undefined;
  readonly serverVersion: number;
  readonly split: boolean;
}

/** Why there can be no such plan: what was expected, what was found. */
export class PlanError extends Error {
  override readonly name = "PlanError";
}

/** From this version on a server can keep connections for roles that are no superusers. */
export const RESERVES_SINCE = 16;

/** PostgreSQL cuts longer names without an error, and two lanes could end up as one role. */
const LONGEST_NAME_BYTES = 63;

/**
 * Whole connections for each lane of a policy.
 *
 * @throws PlanError for a resource that is not there, names that PostgreSQL does not take, and too few connections.
 * @throws LanewayError `LANEWAY_INVALID` for reservations that do not fit into `maxConnections`.
 */
export function planServer(policy: Policy, options: PlanOptions): ServerPlan {
  const { serverVersion, memberOf } = options;
  const resource = withLimit(policy, options);
  const connections = resource.limit;
  const configs = checkResource(policy, resource);
  const due = shares(connections, configs);
  const seated = configs.flatMap(({ name, exempt }, rank) => (exempt ? [] : [{ name, rank }]));
  if (connections < seated.length) {
    throw new PlanError(
      `expected at least ${seated.length} connections, one for each lane, found ${connections} for resource "${resource.name}"`,
    );
  }
  const parts = splitSeats(
    connections,
    seated.map(({ rank }) => due[rank]!),
  );
  const reserves = serverVersion >= RESERVES_SINCE;
  // Where the server cannot keep connections for a lane, only limits that add up to no more than all can.
  const split = options.split || (!reserves && due.some(({ floor }) => floor > 0));
  const defaultRank = configs.findIndex(({ name }) => name === policy.defaultLane);
  const roles = seated.map(({ name, rank }, index): LaneRole => ({
    lane: name,
    role: roleName(options.prefix, name),
    connectionLimit: split ? parts[index]! : due[rank]!.hold,
    poolSize: parts[index]!,
    reserved: reserves ? due[rank]!.floor : 0,
    statementTimeoutMs: configs[rank]!.timeoutMs,
    parallel: rank <= defaultRank,
    applicationName: `laneway:${name}`,
  }));
  return {
    file: policy.file,
    resource: resource.name,
    connections,
    serverVersion,
    split,
    reservedConnections: roles.reduce((sum, { reserved }) => sum + reserved, 0),
    roles,
    exempt: configs.filter(({ exempt }) => exempt).map(({ name }) => name),
    memberOf: memberOf === undefined ? undefined : checkedName("--member-of", memberOf),
  };
}

function withLimit(policy: Policy, options: PlanOptions): PolicyResource & { readonly limit: number } {
  const { maxConnections } = options;
  const found = databaseOf(policy, options);
  const resource = found ?? withResource(policy, { name: "postgres" }).resources["postgres"]!;
  const { limit } = resource;
  return { ...resource, limit: maxConnections ?? (typeof limit === "number" ? limit : limit.max) };
}

/** The resource that is meant; undefined where the policy has none and its lanes are enough. */
function databaseOf(policy: Policy, { resource, maxConnections }: PlanOptions): PolicyResource | undefined {
  const file = policy.file ?? "the default policy";
  const all = Object.values(policy.resources);
  const named = (which: readonly PolicyResource[]): string => which.map(({ name }) => name).join(", ");
  if (resource !== undefined) {
    const found = all.find(({ name }) => name === resource);
    if (found !== undefined) return found;
    throw new PlanError(
      `--resource: expected a resource of ${file} (${named(all) || "it has none"}), found ${JSON.stringify(resource)}`,
    );
  }
  // What has an upstream is spoken to over HTTP.
  const candidates = all.filter(({ upstream }) => upstream === undefined);
  if (candidates.length === 1) return candidates[0];
  if (candidates.length > 1) {
    throw new PlanError(
      `${file} has ${candidates.length} resources that may be the database: ${named(candidates)}; say which with --resource`,
    );
  }
  if (maxConnections !== undefined) return undefined;
  throw new PlanError(
    `${file} has no resource without an upstream, which a database would be; ` +
      "add one, resources: { main-db: { limit: 50 } }, or give the connections with --max-connections",
  );
}

function roleName(prefix: string, lane: string): string {
  return checkedName(`--prefix: the role of lane ${JSON.stringify(lane)}`, `${prefix}_${lane}`);
}

function checkedName(what: string, name: string): string {
  const bytes = Buffer.byteLength(name);
  const found = `found ${JSON.stringify(name)}`;
  if (bytes > LONGEST_NAME_BYTES)
    throw new PlanError(
      `${what}: expected a name of at most ${LONGEST_NAME_BYTES} bytes, ${found}, ${bytes} bytes`,
    );
  if (name === "" || /\p{Cc}/u.test(name))
    throw new PlanError(`${what}: expected a name without control characters, ${found}`);
  if (/^pg_/i.test(name))
    throw new PlanError(
      `${what}: expected a name that does not begin with pg_, which PostgreSQL keeps for itself, ${found}`,
    );
  return name;
}

/**
 * Seats of lanes that lend nothing: at least one each and their reservations, cut from the lowest up, then what is left
 * to whoever has fewest, up to its ceiling.
 *
 * @example
 * splitSeats(50, fiveDefaultShares); // => [20, 15, 10, 4, 1]
 */
export function splitSeats(
  limit: number,
  lanes: readonly Pick<Share, "reservation" | "ceiling">[],
): number[] {
  const seats = lanes.map(({ reservation }) => Math.max(1, reservation));
  let left = limit - seats.reduce((sum, each) => sum + each, 0);
  for (; left < 0; left++) seats[seats.findLastIndex((each) => each > 1)]!--;
  for (; left > 0; left--) {
    const open = seats.filter((each, rank) => each < lanes[rank]!.ceiling);
    if (open.length === 0) break;
    const fewest = Math.min(...open);
    seats[seats.findIndex((each, rank) => each === fewest && each < lanes[rank]!.ceiling)]!++;
  }
  return seats;
}
