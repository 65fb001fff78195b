/** A policy as objects of a cluster. */

import { invalid } from "../../core/errors.ts";
import type { LaneTotal } from "../../policy/lane-kubernetes.ts";
import { clusterLaneNamed, clusterLanes } from "./lanes.ts";
import type { ClassNames, ClusterLane, LanesForCluster } from "./lanes.ts";
import type {
  ClassTotals,
  ContainerDefaults,
  DisruptionBudget,
  KubernetesObject,
  KueueClass,
  PriorityClass,
} from "./objects.ts";
import { LANE_LABEL, metadataOf } from "./metadata.ts";
import { horizontalAutoscaler, kedaScaledObject } from "./scale.ts";
import type { ScaleOptions } from "./scale.ts";
import { totalsOf } from "./totals.ts";
import type { Capacity } from "./totals.ts";
import { kubeVersion } from "./version.ts";
import type { KubeVersion } from "./version.ts";

/** What can be rendered. */
export type ManifestPart = "priorityclass" | "quota" | "pdb" | "limitrange" | "hpa" | "keda" | "kueue";

/** In the order in which they are rendered: what others name comes first. */
export const MANIFEST_PARTS: readonly ManifestPart[] = [
  "priorityclass",
  "kueue",
  "quota",
  "limitrange",
  "pdb",
  "hpa",
  "keda",
];

/** What is rendered unless asked otherwise. The others need something that not every cluster has. */
export const USUAL_PARTS: readonly ManifestPart[] = ["priorityclass", "quota", "pdb"];

/** What is left out has a default. */
export interface ManifestOptions {
  /** Default: `priorityclass`, `quota` and `pdb`. */
  readonly parts?: readonly ManifestPart[];
  /** The version of the server: `1.29`. Default: `1.36`. */
  readonly kubeVersion?: string;
  /** Of everything but classes, which belong to no namespace. Default: none, so that `kubectl -n` says it. */
  readonly namespace?: string;
  /** How classes are called. Default: `lane-` and the name of the lane. */
  readonly classes?: ClassNames;
  /** Makes the class of the default lane that of every pod of the cluster without one. Default: false. */
  readonly globalDefault?: boolean;
  /** What the namespace has; lanes get the part of it that they may hold. Default: only what the policy gives in `total`. */
  readonly capacity?: Capacity;
  /** Lanes that the namespace may not use at all. */
  readonly deny?: readonly string[];
  /** What is scaled, for `hpa` and `keda`. */
  readonly scale?: ScaleOptions;
}

/**
 * The objects for the lanes of a policy.
 *
 * @throws LanewayError `LANEWAY_INVALID` for an option that does not fit, and for names that a cluster does not take.
 * @example
 * const policy = await loadPolicy("laneway.yaml");
 * for (const object of kubernetesManifests(policy, { namespace: "shop" })) console.log(object.kind, object.metadata.name);
 */
export function kubernetesManifests(
  policy: LanesForCluster,
  options: ManifestOptions = {},
): KubernetesObject[] {
  const { parts = USUAL_PARTS, classes, namespace, globalDefault = false } = options;
  checkParts(parts);
  if (namespace !== undefined && !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace))
    throw invalid("namespace", "at most 63 lower-case letters, digits and -", namespace);
  const version = kubeVersion(options.kubeVersion);
  const lanes = clusterLanes(policy, classes);
  const make: Readonly<Record<ManifestPart, () => KubernetesObject[]>> = {
    priorityclass: () =>
      lanes.map((lane) => priorityClass(lane, globalDefault && lane.lane === policy.defaultLane)),
    kueue: () => lanes.map(kueueClass),
    quota: () => classTotals(policy, lanes, options),
    limitrange: () => [
      containerDefaults(clusterLaneNamed("defaultLane", lanes, policy.defaultLane), namespace),
    ],
    pdb: () => lanes.flatMap((lane) => disruptionBudget(lane, version, namespace)),
    hpa: () => [horizontalAutoscaler(lanesToScaleFor(policy), version, options.scale, namespace)],
    keda: () => [kedaScaledObject(lanesToScaleFor(policy), options.scale, namespace)],
  };
  return MANIFEST_PARTS.filter((part) => parts.includes(part)).flatMap((part) => make[part]());
}

function checkParts(parts: readonly ManifestPart[]): void {
  const unknown = parts.find((part) => !MANIFEST_PARTS.includes(part));
  if (unknown !== undefined) throw invalid("parts", `of ${MANIFEST_PARTS.join(", ")}`, unknown);
  // KEDA makes an autoscaler of its own, and two of them on one target work against each other.
  if (parts.includes("hpa") && parts.includes("keda"))
    throw invalid("parts", "hpa or keda, for two autoscalers on one target work against each other", "both");
}

/** Replicas help those who are waited for: the lanes above the default one, else the first. */
function lanesToScaleFor({ lanes, defaultLane }: LanesForCluster): string[] {
  const seated = lanes.filter(({ exempt }) => !exempt).map(({ name }) => name);
  const above = seated.slice(0, Math.max(0, seated.indexOf(defaultLane)));
  return above.length > 0 ? above : seated.slice(0, 1);
}

function priorityClass(lane: ClusterLane, globalDefault: boolean): PriorityClass {
  return {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: metadataOf(lane.className, lane.label),
    value: lane.value,
    // A server leaves it out where it is false, and would take what says so for a change, again and again.
    ...(globalDefault ? { globalDefault } : {}),
    preemptionPolicy: lane.preempts ? "PreemptLowerPriority" : "Never",
    description: `Lane ${lane.lane}: ${
      lane.preempts ? "may put out pods of lower lanes." : "puts out no other pod."
    }`,
  };
}

function kueueClass({ className, label, value, lane }: ClusterLane): KueueClass {
  return {
    apiVersion: "kueue.x-k8s.io/v1beta1",
    kind: "WorkloadPriorityClass",
    metadata: metadataOf(className, label),
    value,
    description: `Lane ${lane}: its turn in a queue.`,
  };
}

function classTotals(
  policy: LanesForCluster,
  lanes: readonly ClusterLane[],
  { capacity, deny = [], namespace }: ManifestOptions,
): ClassTotals[] {
  const denied = new Set(deny.map((name) => clusterLaneNamed("deny", lanes, name).lane));
  const totals = totalsOf(policy.lanes, capacity);
  return lanes.flatMap(({ lane, className, label }, rank) => {
    const total = denied.has(lane) ? { pods: 0 } : totals[rank];
    if (total === undefined) return [];
    return [
      {
        apiVersion: "v1",
        kind: "ResourceQuota",
        // A scope cannot be changed either, so it is called as the class that it names.
        metadata: metadataOf(className, label, namespace),
        spec: {
          hard: hardOf(total),
          scopeSelector: {
            matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: [className] }],
          },
        },
      },
    ];
  });
}

function hardOf({ pods, cpu, memory }: LaneTotal): Record<string, string> {
  return {
    ...(pods === undefined ? {} : { pods: String(pods) }),
    ...(cpu === undefined ? {} : { "requests.cpu": cpu }),
    ...(memory === undefined ? {} : { "requests.memory": memory }),
  };
}

/**
 * One for all pods of a lane. Pods of Jobs and DaemonSets are left out: a cluster cannot count how many of them there
 * should be, and would then let nobody go.
 */
function disruptionBudget(
  { name, label, maxUnavailable }: ClusterLane,
  version: KubeVersion,
  namespace: string | undefined,
): DisruptionBudget[] {
  if (maxUnavailable === undefined) return [];
  return [
    {
      apiVersion: version.disruptionApi,
      kind: "PodDisruptionBudget",
      metadata: metadataOf(name, label, namespace),
      spec: {
        maxUnavailable,
        ...(version.evictsUnhealthy ? { unhealthyPodEvictionPolicy: "AlwaysAllow" } : {}),
        selector: {
          matchLabels: { [LANE_LABEL]: label },
          matchExpressions: ["job-name", "pod-template-generation"].map((key) => ({
            key,
            operator: "DoesNotExist",
          })),
        },
      },
    },
  ];
}

function containerDefaults(lane: ClusterLane, namespace: string | undefined): ContainerDefaults {
  const { cpu, memory } = lane.limits;
  const limits = { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) };
  return {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: metadataOf(lane.name, lane.label, namespace),
    spec: {
      limits: [
        {
          type: "Container",
          defaultRequest: { ...lane.requests },
          ...(Object.keys(limits).length === 0 ? {} : { default: limits }),
        },
      ],
    },
  };
}
