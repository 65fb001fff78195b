/** What a version of Kubernetes calls things, and what it lacks. */

import { invalid } from "../../core/errors.ts";

/** A version of Kubernetes, as far as it matters here. */
export interface KubeVersion {
  readonly minor: number;
  readonly disruptionApi: "policy/v1" | "policy/v1beta1";
  readonly autoscalingApi: "autoscaling/v2" | "autoscaling/v2beta2";
  /** Whether pods that are broken anyway may be put out in spite of a disruption budget. */
  readonly evictsUnhealthy: boolean;
}

/** The one that is written for unless another is asked for. */
export const KUBE_VERSION: string = "1.36";

/** Before it a class that never preempts is not known. */
const OLDEST_MINOR = 19;

/**
 * `1.36`, also as a server writes it: `v1.29.4-gke.1043002`.
 *
 * @throws LanewayError `LANEWAY_INVALID` for what is no version, and for one that is too old.
 */
export function kubeVersion(text: string = KUBE_VERSION): KubeVersion {
  const found = /^v?1\.(\d{1,3})\+?(?:\.\d+.*)?$/.exec(text);
  const minor = Number(found?.[1]);
  if (found === null || minor < OLDEST_MINOR)
    throw invalid(
      "kubeVersion",
      `a version of Kubernetes from 1.${OLDEST_MINOR} up, such as ${KUBE_VERSION}`,
      text,
    );
  return {
    minor,
    disruptionApi: minor >= 21 ? "policy/v1" : "policy/v1beta1",
    autoscalingApi: minor >= 23 ? "autoscaling/v2" : "autoscaling/v2beta2",
    evictsUnhealthy: minor >= 27,
  };
}
