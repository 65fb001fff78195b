/** More replicas while tasks of the higher lanes wait: by the cluster's own autoscaler, or by KEDA's. */

import { invalid } from "../../core/errors.ts";
import { metadataOf } from "./metadata.ts";
import type { HorizontalAutoscaler, KedaScaledObject, ScaleTargetReference } from "./objects.ts";
import type { KubeVersion } from "./version.ts";

/** What is scaled, and by what. */
export interface ScaleOptions {
  /** `deployment/gateway` or `statefulset/gateway`. */
  readonly target: string;
  /** Default: 2. */
  readonly minReplicas?: number;
  /** Default: 10. */
  readonly maxReplicas?: number;
  /** How many tasks of the higher lanes may wait for each replica. Default: 10. */
  readonly waiting?: number;
  /** Where KEDA asks: `http://prometheus.monitoring:9090`. */
  readonly prometheus?: string;
}

const METRIC = "laneway_queue_depth";
const REPLICAS_MAX = 10_000;

/** An autoscaler that follows how many tasks of these lanes wait, as a metrics adapter serves it for each pod. */
export function horizontalAutoscaler(
  lanes: readonly string[],
  version: KubeVersion,
  options: ScaleOptions | undefined,
  namespace: string | undefined,
): HorizontalAutoscaler {
  const { target, minReplicas, maxReplicas, waiting } = complete(options, "hpa");
  return {
    apiVersion: version.autoscalingApi,
    kind: "HorizontalPodAutoscaler",
    metadata: metadataOf(target.name, undefined, namespace),
    spec: {
      scaleTargetRef: target,
      minReplicas,
      maxReplicas,
      metrics: [
        {
          type: "Pods",
          pods: {
            metric: {
              name: METRIC,
              selector: { matchExpressions: [{ key: "lane", operator: "In", values: lanes }] },
            },
            target: { type: "AverageValue", averageValue: String(waiting) },
          },
        },
      ],
    },
  };
}

/** The same as KEDA writes it. */
export function kedaScaledObject(
  lanes: readonly string[],
  options: ScaleOptions | undefined,
  namespace: string | undefined,
): KedaScaledObject {
  const { target, minReplicas, maxReplicas, waiting } = complete(options, "keda");
  const address = options?.prometheus;
  if (address === undefined || !/^https?:\/\/\S+$/.test(address) || !URL.canParse(address))
    throw invalid("scale: prometheus", "the URL of Prometheus, which keda asks", address);
  // A point in a name would stand for any character.
  const pattern = lanes.map((lane) => lane.replaceAll(".", String.raw`\\.`)).join("|");
  return {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: metadataOf(target.name, undefined, namespace),
    spec: {
      scaleTargetRef: target,
      minReplicaCount: minReplicas,
      maxReplicaCount: maxReplicas,
      triggers: [
        {
          type: "prometheus",
          metadata: {
            serverAddress: address,
            query: `sum(${METRIC}{lane=~"${pattern}"})`,
            threshold: String(waiting),
          },
        },
      ],
    },
  };
}

function complete(
  options: ScaleOptions | undefined,
  part: string,
): Required<Omit<ScaleOptions, "target" | "prometheus">> & { readonly target: ScaleTargetReference } {
  const found = /^(deployment|statefulset)\/([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)$/i.exec(options?.target ?? "");
  if (found === null)
    throw invalid("scale: target", `what ${part} scales, such as deployment/gateway`, options?.target);
  const { minReplicas = 2, maxReplicas = 10, waiting = 10 } = options ?? {};
  for (const [name, value] of Object.entries({ minReplicas, maxReplicas, waiting }))
    if (!Number.isInteger(value) || value < 1 || value > REPLICAS_MAX)
      throw invalid(`scale: ${name}`, `a whole number from 1 to ${REPLICAS_MAX}`, value);
  if (maxReplicas < minReplicas)
    throw invalid("scale: maxReplicas", `at least minReplicas, ${minReplicas}`, maxReplicas);
  const kind = found[1]!.toLowerCase() === "deployment" ? "Deployment" : "StatefulSet";
  return { target: { apiVersion: "apps/v1", kind, name: found[2]! }, minReplicas, maxReplicas, waiting };
}
