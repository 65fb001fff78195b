/**
 * A manifest in a lane: its pods get the class, the label and the environment of the lane, and its containers what they
 * ask for. What a container already says of itself stands, unless it is forced.
 */

import { defaultPolicy } from "../../policy/policy.ts";
import { resourcesInLane } from "./container.ts";
import { clusterLaneNamed, clusterLanes } from "./lanes.ts";
import type { ClassNames, ClusterLane, LanesForCluster } from "./lanes.ts";
import { copyOf, fieldsOf, isFields, ManifestError, shown } from "./manifest.ts";
import type { Fields, ManifestNote, ManifestPath } from "./manifest.ts";
import { LANE_LABEL } from "./metadata.ts";

/** What `manifestInLane` takes. */
export interface InLaneOptions {
  readonly lane: string;
  /** Default: the five default lanes. */
  readonly policy?: LanesForCluster;
  /** How classes are called; as for `kubernetesManifests`. */
  readonly classes?: ClassNames;
  /** Replace what the manifest says of requests and limits, and a class of the cluster's own. Default: false. */
  readonly force?: boolean;
}

/** A manifest in its lane. */
export interface LanedManifest<Manifest> {
  /** A copy; the manifest that was given is unchanged. */
  readonly manifest: Manifest;
  /** Where its pod templates are: empty for a manifest that makes no pods, such as a Service. */
  readonly templates: readonly ManifestPath[];
  readonly notes: readonly ManifestNote[];
}

/** Where each kind has the pods that it makes. */
const TEMPLATES: Readonly<Record<string, ManifestPath>> = {
  Pod: [],
  PodTemplate: ["template"],
  Deployment: ["spec", "template"],
  StatefulSet: ["spec", "template"],
  DaemonSet: ["spec", "template"],
  ReplicaSet: ["spec", "template"],
  ReplicationController: ["spec", "template"],
  Job: ["spec", "template"],
  CronJob: ["spec", "jobTemplate", "spec", "template"],
};

/** The kinds that make pods. */
export const POD_KINDS: readonly string[] = Object.keys(TEMPLATES);

/** How a container, and what it starts, learns its lane. */
const LANE_VARIABLE = "LANEWAY_LANE";

/**
 * Puts every pod template of a manifest in a lane: a Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Pod, or
 * a List of them. Applied again it changes nothing.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a lane that there is not.
 * @throws ManifestError for what is no manifest, with the place in it.
 * @example
 * const { manifest, notes } = manifestInLane(deployment, { lane: "critical" });
 */
export function manifestInLane<Manifest>(
  manifest: Manifest,
  options: InLaneOptions,
): LanedManifest<Manifest> {
  const { policy = defaultPolicy(), classes, force = false } = options;
  const lanes = clusterLanes(policy, classes);
  const lane = clusterLaneNamed("lane", lanes, options.lane);
  const copy = copyOf(manifest);
  const templates = templatesOf(copy, []);
  const notes: ManifestNote[] = [];
  for (const path of templates) putInLane(fieldsAt(copy, path), path, { lane, lanes, force, notes });
  return { manifest: copy, templates, notes };
}

function templatesOf(manifest: unknown, at: ManifestPath): ManifestPath[] {
  const { apiVersion, kind, items } = fieldsOf(
    manifest,
    at,
    "a Kubernetes object, a map with apiVersion and kind",
  );
  for (const [field, value] of Object.entries({ apiVersion, kind }))
    if (typeof value !== "string" || value === "")
      throw new ManifestError(
        at,
        `expected a Kubernetes object with apiVersion and kind, found ${value === undefined ? `no ${field}` : `${field}: ${JSON.stringify(value)}`}`,
      );
  if (Array.isArray(items) && String(kind).endsWith("List"))
    return items.flatMap((item, index) => templatesOf(item, [...at, "items", index]));
  const path = Object.hasOwn(TEMPLATES, String(kind)) ? TEMPLATES[String(kind)] : undefined;
  return path === undefined ? [] : [[...at, ...path]];
}

/** What one pod template is given. */
interface Putting {
  readonly lane: ClusterLane;
  readonly lanes: readonly ClusterLane[];
  readonly force: boolean;
  readonly notes: ManifestNote[];
}

function putInLane(template: Fields, path: ManifestPath, putting: Putting): void {
  const metadata = fieldIn(template, "metadata", path);
  fieldIn(metadata, "labels", [...path, "metadata"])[LANE_LABEL] = putting.lane.label;
  const at = [...path, "spec"];
  const spec = fieldsOf(template["spec"], at, "the spec of a pod, a map");
  putInClass(spec, at, putting);
  for (const field of ["initContainers", "containers"] as const) {
    const containers = spec[field];
    if (containers === undefined || containers === null) {
      if (field === "containers") throw new ManifestError(at, "expected containers, found none");
      continue;
    }
    const place = [...at, field];
    if (!Array.isArray(containers))
      throw new ManifestError(place, `${field}: expected a list, found ${shown(containers)}`);
    for (const [index, container] of containers.entries()) {
      const inside = [...place, index];
      const fields = fieldsOf(container, inside, "a container, a map");
      putInEnvironment(fields, inside, putting);
      resourcesInLane(fields, inside, putting);
    }
  }
}

function putInClass(spec: Fields, at: ManifestPath, { lane, lanes, force, notes }: Putting): void {
  const path = [...at, "priorityClassName"];
  const before = spec["priorityClassName"];
  if (typeof before === "string" && before.startsWith("system-") && !force)
    throw new ManifestError(
      path,
      `priorityClassName: found ${JSON.stringify(before)}, which is the cluster's own; a lane would lower it (--force does)`,
    );
  if (before !== undefined && before !== null && before !== "" && before !== lane.className) {
    const other = lanes.find(({ className }) => className === before);
    const from = other === undefined ? JSON.stringify(before) : `lane ${other.lane}`;
    notes.push({ path, message: `priorityClassName was that of ${from}` });
  }
  spec["priorityClassName"] = lane.className;
  // A server that has filled them in compares them with the class, and refuses a pod in which they differ.
  const filled = { priority: lane.value, preemptionPolicy: lane.preempts ? "PreemptLowerPriority" : "Never" };
  for (const [field, value] of Object.entries(filled))
    if (spec[field] !== undefined && spec[field] !== null) spec[field] = value;
}

function putInEnvironment(container: Fields, at: ManifestPath, { lane, notes }: Putting): void {
  const path = [...at, "env"];
  const env = container["env"] ?? [];
  if (!Array.isArray(env)) throw new ManifestError(path, `env: expected a list, found ${shown(env)}`);
  const index = env.findIndex((entry) => isFields(entry) && entry["name"] === LANE_VARIABLE);
  if (index < 0) {
    container["env"] = [...env, { name: LANE_VARIABLE, value: lane.lane }];
    return;
  }
  const entry = env[index] as Fields;
  if (entry["valueFrom"] !== undefined && entry["valueFrom"] !== null)
    notes.push({
      path: [...path, index],
      message: `${LANE_VARIABLE} comes from elsewhere, and is left as it is`,
    });
  else entry["value"] = lane.lane;
}

/** The map in a field, made where there is none. */
function fieldIn(fields: Fields, name: string, at: ManifestPath): Fields {
  const found = fields[name];
  if (found !== undefined && found !== null) return fieldsOf(found, [...at, name], `${name}, a map`);
  const made: Fields = {};
  fields[name] = made;
  return made;
}

function fieldsAt(manifest: unknown, path: ManifestPath): Fields {
  let found: unknown = manifest;
  for (const [index, step] of path.entries()) {
    const at = path.slice(0, index + 1);
    found = (found as Fields)[step];
    if (!isFields(found) && !Array.isArray(found))
      throw new ManifestError(at, `expected ${String(step)}, a map, found ${shown(found)}`);
  }
  return fieldsOf(found, path, "a map");
}
