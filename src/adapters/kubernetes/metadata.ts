/** What every object that is made here bears. */

import type { KubernetesObject } from "./objects.ts";

/** The label of pods, and of objects, that says their lane. */
export const LANE_LABEL: string = "laneway.dev/lane";

/** Metadata in the order in which people write it. */
export function metadataOf(
  name: string,
  label: string | undefined,
  namespace?: string,
): KubernetesObject["metadata"] {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    labels: {
      "app.kubernetes.io/managed-by": "laneway",
      ...(label === undefined ? {} : { [LANE_LABEL]: label }),
    },
  };
}
