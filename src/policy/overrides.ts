/**
 * Changes for a time: what an operator sets while something is wrong, and what ends by itself. They lie over the policy
 * in force, so that a reload of the file neither loses them nor makes them permanent.
 */

import { invalid } from "../core/errors.ts";
import type { LaneState, Percent } from "../core/options.ts";
import type { Policy, PolicyLane, PolicyResource } from "./policy.ts";

/** What to change, of which resource, for how long. Exactly one of `limit`, `reservation` and `state`. */
export interface OverrideRequest {
  readonly resource: string;
  /** The lane, for a reservation or a state. */
  readonly lane?: string | undefined;
  /** Seats in all; where the limit is learned, it stays there. */
  readonly limit?: number | undefined;
  /** Seats guaranteed to the lane, or a percentage of the limit. */
  readonly reservation?: number | Percent | undefined;
  /** "paused": newcomers queue and nothing starts; "draining": newcomers are refused. */
  readonly state?: LaneState | undefined;
  /** Milliseconds until it ends by itself: one minute to a day. */
  readonly durationMs: number;
  /** Why, for whoever reads it later; at most 200 characters. */
  readonly note?: string | undefined;
}

/** A change that is in force. */
export interface Override extends OverrideRequest {
  readonly id: string;
  /** Instants, in milliseconds of the calendar's clock. */
  readonly since: number;
  readonly until: number;
}

const SHORTEST_MS = 60_000;
const LONGEST_MS = 86_400_000;
const LONGEST_NOTE = 200;
/** Nobody keeps more of them in view. */
export const MOST_OVERRIDES = 50;
const CHANGES = ["limit", "reservation", "state"] as const;
const KEYS: ReadonlySet<string> = new Set(["resource", "lane", "durationMs", "note", ...CHANGES]);

/**
 * Checks what can be checked without putting it in force.
 *
 * @throws LanewayError `LANEWAY_INVALID`, naming what was expected and found.
 */
export function checkOverride(policy: Policy, request: OverrideRequest): void {
  if (typeof request !== "object" || request === null) throw invalid("override", "an object", request);
  for (const key of Object.keys(request))
    if (!KEYS.has(key)) throw invalid("override", `a field out of ${[...KEYS].join(", ")}`, key);
  const given = CHANGES.filter((field) => request[field] !== undefined);
  if (given.length !== 1)
    throw invalid("override", "exactly one of limit, reservation and state", given.join(", ") || "none");
  const resource = namedIn("resource", Object.values(policy.resources), request.resource);
  if (request.limit === undefined) namedIn("lane", resource.lanes, request.lane);
  else if (request.lane !== undefined)
    throw invalid("override: lane", "none, for a limit is the resource's", request.lane);
  const { durationMs, note } = request;
  if (!Number.isFinite(durationMs) || durationMs < SHORTEST_MS || durationMs > LONGEST_MS)
    throw invalid("override: durationMs", "from 60000 (a minute) to 86400000 (a day)", durationMs);
  if (note !== undefined && (typeof note !== "string" || note.length > LONGEST_NOTE))
    throw invalid("override: note", `a text of at most ${LONGEST_NOTE} characters`, note);
}

function namedIn<T extends { readonly name: string }>(what: string, all: readonly T[], name: unknown): T {
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw invalid(`override: ${what}`, `one of ${all.map((one) => one.name).join(", ")}`, name);
}

/** The policy with all of them in force, the later over the earlier. Those that no longer fit it have no effect. */
export function withOverrides(policy: Policy, overrides: readonly Override[]): Policy {
  if (overrides.length === 0) return policy;
  const resources = { ...policy.resources };
  for (const override of overrides) {
    const resource = resources[override.resource];
    if (resource !== undefined) resources[resource.name] = changed(resource, override);
  }
  return { ...policy, resources };
}

function changed(resource: PolicyResource, { lane, limit, reservation, state }: Override): PolicyResource {
  if (limit !== undefined)
    // As bounds of a limit that is learned: what it has learned is there again afterwards.
    return {
      ...resource,
      limit:
        typeof resource.limit === "number"
          ? limit
          : { ...resource.limit, min: limit, max: limit, start: limit },
    };
  return {
    ...resource,
    lanes: resource.lanes.map((one) => (one.name === lane ? laneWith(one, reservation, state) : one)),
  };
}

function laneWith(
  lane: PolicyLane,
  reservation: Override["reservation"],
  state: Override["state"],
): PolicyLane {
  return {
    ...lane,
    ...(reservation === undefined ? {} : { reservation }),
    ...(state === undefined ? {} : { state }),
  };
}
