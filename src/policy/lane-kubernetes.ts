/** What a lane is in a Kubernetes cluster, as the policy says it. */

import type { Percent } from "../core/options.ts";

/** Processor and memory as quantities: `{ cpu: "500m", memory: "512Mi" }`. */
export interface Quantities {
  readonly cpu?: string | undefined;
  readonly memory?: string | undefined;
}

/** What all pods of a lane in a namespace may come to. */
export interface LaneTotal extends Quantities {
  readonly pods?: number | undefined;
}

/** What is left out comes from the lane's name and rank, where it is used. */
export interface LaneKubernetes {
  /** From -10⁹ to 10⁹; less than that of the lane above. */
  readonly value?: number | undefined;
  /** The name of its PriorityClass. */
  readonly class?: string | undefined;
  /** Whether its pods may put out pods of lower lanes where no node has room. */
  readonly preemption?: boolean | undefined;
  /** What a container of the lane asks for, where it does not say so itself. */
  readonly requests?: Quantities | undefined;
  /** What a container of the lane may use at most, where it does not say so itself. */
  readonly limits?: Quantities | undefined;
  /** `guaranteed`: limits are the requests. */
  readonly qos?: "burstable" | "guaranteed" | undefined;
  /** What all pods of the lane in a namespace may ask for. */
  readonly total?: LaneTotal | undefined;
  /** How many of its pods may be down at once for the sake of maintenance; false: nothing is said about it. */
  readonly maxUnavailable?: number | Percent | false | undefined;
}

/** The same as it is written: a whole processor may be a number. */
export interface KubernetesEntry {
  value?: number | undefined;
  class?: string | undefined;
  preemption?: boolean | undefined;
  requests?: QuantitiesEntry | undefined;
  limits?: QuantitiesEntry | undefined;
  qos?: "burstable" | "guaranteed" | undefined;
  total?: (QuantitiesEntry & { pods?: number | undefined }) | undefined;
  maxUnavailable?: number | string | false | undefined;
}

/** Processor and memory as they are written. */
export interface QuantitiesEntry {
  cpu?: number | string | undefined;
  memory?: string | undefined;
}

/** The highest value that a PriorityClass of a user may have; above it are Kubernetes' own. */
export const CLASS_VALUE_MAX = 1_000_000_000;

/** The entry with every amount as text. */
export function laneKubernetesOf(entry: KubernetesEntry): LaneKubernetes {
  const { requests, limits, total, maxUnavailable, ...rest } = entry;
  return {
    ...rest,
    ...(requests === undefined ? {} : { requests: quantitiesOf(requests) }),
    ...(limits === undefined ? {} : { limits: quantitiesOf(limits) }),
    ...(total === undefined ? {} : { total: { ...quantitiesOf(total), pods: total.pods } }),
    ...(maxUnavailable === undefined ? {} : { maxUnavailable: maxUnavailable as number | Percent | false }),
  };
}

function quantitiesOf({ cpu, memory }: QuantitiesEntry): Quantities {
  return { cpu: cpu === undefined ? undefined : String(cpu), memory };
}
