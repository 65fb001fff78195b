/** `laneway/kubernetes`: the lanes of a policy in a cluster, as plain objects for whatever applies them. */

export type { ClassNames, LanesForCluster } from "./kubernetes/lanes.ts";
export { manifestInLane } from "./kubernetes/in-lane.ts";
export type { InLaneOptions, LanedManifest } from "./kubernetes/in-lane.ts";
export { ManifestError } from "./kubernetes/manifest.ts";
export type { ManifestNote, ManifestPath } from "./kubernetes/manifest.ts";
export { LANE_LABEL } from "./kubernetes/metadata.ts";
export type {
  ClassTotals,
  ContainerDefaults,
  DisruptionBudget,
  HorizontalAutoscaler,
  KedaScaledObject,
  KubernetesObject,
  KueueClass,
  PriorityClass,
} from "./kubernetes/objects.ts";
export { kubernetesManifests } from "./kubernetes/render.ts";
export type { ManifestOptions, ManifestPart } from "./kubernetes/render.ts";
export type { ScaleOptions } from "./kubernetes/scale.ts";
export type { Capacity } from "./kubernetes/totals.ts";
