/** The objects that are rendered, as a cluster takes them: plain data. */

/** What all of them have. */
interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** How important a pod is. */
export interface PriorityClass {
  readonly apiVersion: "scheduling.k8s.io/v1";
  readonly kind: "PriorityClass";
  readonly metadata: Metadata;
  readonly value: number;
  readonly globalDefault?: true;
  readonly preemptionPolicy: "PreemptLowerPriority" | "Never";
  readonly description: string;
}

/** What the pods of a class may come to in a namespace. */
export interface ClassTotals {
  readonly apiVersion: "v1";
  readonly kind: "ResourceQuota";
  readonly metadata: Metadata;
  readonly spec: {
    readonly hard: Readonly<Record<string, string>>;
    readonly scopeSelector: {
      readonly matchExpressions: readonly {
        readonly scopeName: "PriorityClass";
        readonly operator: "In";
        readonly values: readonly string[];
      }[];
    };
  };
}

/** How many pods of a lane may be down at once for maintenance. */
export interface DisruptionBudget {
  readonly apiVersion: "policy/v1" | "policy/v1beta1";
  readonly kind: "PodDisruptionBudget";
  readonly metadata: Metadata;
  readonly spec: {
    readonly maxUnavailable: number | string;
    readonly unhealthyPodEvictionPolicy?: "AlwaysAllow";
    readonly selector: {
      readonly matchLabels: Readonly<Record<string, string>>;
      readonly matchExpressions: readonly { readonly key: string; readonly operator: "DoesNotExist" }[];
    };
  };
}

/** What a container gets that asks for nothing, whatever its lane. */
export interface ContainerDefaults {
  readonly apiVersion: "v1";
  readonly kind: "LimitRange";
  readonly metadata: Metadata;
  readonly spec: {
    readonly limits: readonly {
      readonly type: "Container";
      readonly defaultRequest: Readonly<Record<string, string>>;
      readonly default?: Readonly<Record<string, string>>;
    }[];
  };
}

/** What is scaled. */
export interface ScaleTargetReference {
  readonly apiVersion: "apps/v1";
  readonly kind: "Deployment" | "StatefulSet";
  readonly name: string;
}

/** More replicas while tasks wait, by a metric that the cluster serves. */
export interface HorizontalAutoscaler {
  readonly apiVersion: "autoscaling/v2" | "autoscaling/v2beta2";
  readonly kind: "HorizontalPodAutoscaler";
  readonly metadata: Metadata;
  readonly spec: {
    readonly scaleTargetRef: ScaleTargetReference;
    readonly minReplicas: number;
    readonly maxReplicas: number;
    readonly metrics: readonly {
      readonly type: "Pods";
      readonly pods: {
        readonly metric: {
          readonly name: string;
          readonly selector: {
            readonly matchExpressions: readonly {
              readonly key: string;
              readonly operator: "In";
              readonly values: readonly string[];
            }[];
          };
        };
        readonly target: { readonly type: "AverageValue"; readonly averageValue: string };
      };
    }[];
  };
}

/** The same with KEDA, which asks Prometheus itself. */
export interface KedaScaledObject {
  readonly apiVersion: "keda.sh/v1alpha1";
  readonly kind: "ScaledObject";
  readonly metadata: Metadata;
  readonly spec: {
    readonly scaleTargetRef: ScaleTargetReference;
    readonly minReplicaCount: number;
    readonly maxReplicaCount: number;
    readonly triggers: readonly {
      readonly type: "prometheus";
      readonly metadata: Readonly<Record<string, string>>;
    }[];
  };
}

/** Whose turn it is in a queue of Kueue, apart from what its pods may put out. */
export interface KueueClass {
  readonly apiVersion: "kueue.x-k8s.io/v1beta1";
  readonly kind: "WorkloadPriorityClass";
  readonly metadata: Metadata;
  readonly value: number;
  readonly description: string;
}

/** One document of the output. */
export type KubernetesObject =
  | PriorityClass
  | ClassTotals
  | DisruptionBudget
  | ContainerDefaults
  | HorizontalAutoscaler
  | KedaScaledObject
  | KueueClass;
