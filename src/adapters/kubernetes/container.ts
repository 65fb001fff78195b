/** What a container asks for and may use, in a lane. */

import { parseCpu, parseMemory } from "../../policy/quantities.ts";
import type { ClusterLane } from "./lanes.ts";
import { fieldsOf, shown } from "./manifest.ts";
import type { Fields, ManifestNote, ManifestPath } from "./manifest.ts";

/** What a lane brings. */
export interface Asking {
  readonly lane: ClusterLane;
  readonly force: boolean;
  readonly notes: ManifestNote[];
}

const KINDS = ["cpu", "memory"] as const;
type Kind = (typeof KINDS)[number];

/** Fills in requests and limits where `container` has none, or everywhere when forced. */
export function resourcesInLane(container: Fields, at: ManifestPath, asking: Asking): void {
  const place = [...at, "resources"];
  const resources = mapIn(container, "resources", at) ?? {};
  const requests = { ...mapIn(resources, "requests", place) };
  const limits = { ...mapIn(resources, "limits", place) };
  for (const kind of KINDS) settle(kind, requests, limits, place, asking);
  if (Object.keys(requests).length > 0) resources["requests"] = requests;
  if (Object.keys(limits).length > 0) resources["limits"] = limits;
  container["resources"] = resources;
}

function settle(kind: Kind, requests: Fields, limits: Fields, at: ManifestPath, asking: Asking): void {
  const { lane, force, notes } = asking;
  const own = { request: requests[kind] ?? undefined, limit: limits[kind] ?? undefined };
  // A container with a limit and no request asks for its limit: that is its own word too.
  if (force || (own.request === undefined && own.limit === undefined)) requests[kind] = lane.requests[kind];
  const request = requests[kind] ?? undefined;
  const limit = lane.guaranteed ? (request ?? own.limit) : lane.limits[kind];
  if (limit !== undefined && (force || own.limit === undefined)) {
    if (isLess(kind, limit, request))
      notes.push({
        path: at,
        message: `no limit of ${kind}: that of lane ${lane.lane}, ${shown(limit)}, is below its own request, ${shown(request)}`,
      });
    else limits[kind] = limit;
  } else if (force && isLess(kind, own.limit, request)) {
    limits[kind] = request;
    notes.push({
      path: at,
      message: `its limit of ${kind} was below the request of lane ${lane.lane}, and is raised to it`,
    });
  }
  const differs =
    own.request !== undefined && own.limit !== undefined && !isSame(kind, requests[kind], limits[kind]);
  if (lane.guaranteed && differs)
    notes.push({
      path: at,
      message: `not guaranteed as lane ${lane.lane} asks: its own limit of ${kind}, ${shown(limits[kind])}, is not its request, ${shown(requests[kind])}`,
    });
}

/** Whether the first is surely less; amounts in forms that few write are not compared. */
function isLess(kind: Kind, one: unknown, other: unknown): boolean {
  const [first, second] = [amount(kind, one), amount(kind, other)];
  return first !== undefined && second !== undefined && first < second;
}

function isSame(kind: Kind, one: unknown, other: unknown): boolean {
  return one === other || (amount(kind, one) !== undefined && amount(kind, one) === amount(kind, other));
}

function amount(kind: Kind, value: unknown): number | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  return kind === "cpu" ? parseCpu(String(value)) : parseMemory(String(value));
}

function mapIn(fields: Fields, name: string, at: ManifestPath): Fields | undefined {
  const found = fields[name] ?? undefined;
  return found === undefined ? undefined : fieldsOf(found, [...at, name], `${name}, a map`);
}
