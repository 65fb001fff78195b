/** What each lane of a policy is in a cluster, with every default filled in. */

import { invalid } from "../../core/errors.ts";
import type { Percent } from "../../core/options.ts";
import type { LaneTotal, Quantities } from "../../policy/lane-kubernetes.ts";
import type { Policy, PolicyLane } from "../../policy/policy.ts";
import { parseCpu, parseMemory } from "../../policy/quantities.ts";
import { lanesByName, valuesByRank } from "./values.ts";

/** One lane in a cluster. */
export interface ClusterLane {
  readonly lane: string;
  /** The name of its PriorityClass: another one as soon as anything differs that cannot be changed in a class. */
  readonly className: string;
  readonly value: number;
  /** Whether its pods may put out pods of lower lanes. */
  readonly preempts: boolean;
  /** What a container gets that asks for nothing. */
  readonly requests: Requests;
  readonly limits: Quantities;
  readonly guaranteed: boolean;
  readonly total: LaneTotal;
  readonly maxUnavailable: number | Percent | undefined;
  /** The name of what is no class: it can be changed, so nothing is added to it. */
  readonly name: string;
  /** The lane as the value of a label. */
  readonly label: string;
}

/** How classes are called. */
export interface ClassNames {
  /** Default: `lane`. */
  readonly prefix?: string | undefined;
  /** Added to every class that the policy does not name; default: what differs from the lane's own defaults. */
  readonly suffix?: string | undefined;
}

/** The lanes of a policy: a `Policy` has them. */
export type LanesForCluster = Pick<Policy, "lanes" | "defaultLane">;

const DEFAULT_PREFIX = "lane";
const NAME_MAX = 63;
const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** Processor and memory, both. */
export interface Requests {
  readonly cpu: string;
  readonly memory: string;
}

/** Of the processor the kernel gives by these numbers where it is short: they are the lanes' weights. */
const ROWS: Readonly<Record<string, Requests>> = {
  critical: { cpu: "500m", memory: "512Mi" },
  high: { cpu: "250m", memory: "256Mi" },
  normal: { cpu: "100m", memory: "256Mi" },
  low: { cpu: "50m", memory: "128Mi" },
  bulk: { cpu: "10m", memory: "128Mi" },
};

/**
 * All lanes, most important first.
 *
 * @throws LanewayError `LANEWAY_INVALID` for names that a cluster does not take, and values without room between them.
 */
export function clusterLanes(policy: LanesForCluster, names: ClassNames = {}): ClusterLane[] {
  const values = valuesByRank(policy);
  const defaultRank = policy.lanes.findIndex(({ name }) => name === policy.defaultLane);
  const lanes = policy.lanes.map((lane, rank) => clusterLane(lane, values[rank]!, rank < defaultRank, names));
  for (const [rank, { lane, className, name }] of lanes.entries()) {
    const other = lanes.slice(0, rank).find((each) => each.className === className || each.name === name);
    if (other !== undefined)
      throw invalid(
        `lane "${lane}"`,
        `a name in a cluster that no other lane has`,
        other.className === className ? className : name,
        `lane "${other.lane}" has it; rename one of them`,
      );
  }
  return lanes;
}

/**
 * The lane of that name.
 *
 * @throws LanewayError `LANEWAY_INVALID` when there is none, naming those there are.
 */
export function clusterLaneNamed(place: string, lanes: readonly ClusterLane[], name: string): ClusterLane {
  const found = lanes.find(({ lane }) => lane === name);
  if (found !== undefined) return found;
  throw invalid(place, `one of the lanes ${lanes.map(({ lane }) => lane).join(", ")}`, name);
}

function clusterLane(policyLane: PolicyLane, value: number, above: boolean, names: ClassNames): ClusterLane {
  const { name: lane, kubernetes = {} } = policyLane;
  const preempts = kubernetes.preemption ?? preemptsByDefault(lane, value);
  const guaranteed = kubernetes.qos === "guaranteed";
  const requests = requestsOf(lane, kubernetes.requests, kubernetes.limits);
  const { prefix = DEFAULT_PREFIX, suffix } = names;
  if (/^system(?:-|$)/.test(prefix))
    throw invalid(
      "the prefix",
      "a name that does not begin with system, which the cluster keeps for itself",
      prefix,
    );
  if (!DNS_LABEL.test(prefix))
    throw invalid("the prefix", "lower-case letters, digits and -, as in a host name", prefix);
  const name = checkedName(lane, `${prefix}-${slug(lane)}`);
  const different = suffix === undefined ? differences(lane, value, preempts) : `-${suffix}`;
  return {
    lane,
    className: kubernetes.class ?? checkedName(lane, name + different),
    value,
    preempts,
    requests,
    limits: guaranteed ? requests : (kubernetes.limits ?? {}),
    guaranteed,
    total: kubernetes.total ?? {},
    maxUnavailable:
      kubernetes.maxUnavailable === false
        ? undefined
        : (kubernetes.maxUnavailable ?? (above ? 1 : undefined)),
    name,
    label: /[A-Za-z0-9]$/.test(lane) ? lane : slug(lane),
  };
}

/** Below -10 a cluster does not grow for a pod: one that may put out others there would only move the trouble. */
function preemptsByDefault(lane: string, value: number): boolean {
  return value >= -10 && rowName(lane) !== "bulk";
}

/** What no class can change once it is made, where it is not what the lane's name gives. */
function differences(lane: string, value: number, preempts: boolean): string {
  const usual = lanesByName(lane);
  const valued = value === usual ? "" : `-v${value}`;
  if (preempts === preemptsByDefault(lane, usual ?? value)) return valued;
  return `${valued}-${preempts ? "preempts" : "never"}`;
}

/** A container that has a limit and no request asks for its limit; ours must not pass it. */
function requestsOf(lane: string, own: Quantities = {}, limits: Quantities = {}): Requests {
  const row = ROWS[rowName(lane)] ?? ROWS["normal"]!;
  return {
    cpu: own.cpu ?? least(row.cpu, limits.cpu, parseCpu),
    memory: own.memory ?? least(row.memory, limits.memory, parseMemory),
  };
}

function least(usual: string, limit: string | undefined, read: (text: string) => number | undefined): string {
  return limit !== undefined && read(limit)! < read(usual)! ? limit : usual;
}

function rowName(lane: string): string {
  if (lane === "batch") return "bulk";
  return Object.hasOwn(ROWS, lane) ? lane : "normal";
}

/** A lane's name as part of a name in a cluster: those are in lower case, without `_`. */
function slug(lane: string): string {
  return lane.toLowerCase().replaceAll(/[_.]/g, "-").replace(/-+$/, "");
}

function checkedName(lane: string, name: string): string {
  if (!DNS_LABEL.test(name) || name.length > NAME_MAX)
    throw invalid(
      `lane "${lane}"`,
      `a name of at most ${NAME_MAX} lower-case letters, digits and -`,
      name,
      "name its class in the policy, or choose another prefix or suffix",
    );
  return name;
}
