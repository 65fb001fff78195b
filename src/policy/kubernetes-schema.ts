/** The shape of a lane's `kubernetes`, for zod and the published JSON Schema. */

import { z } from "zod";
import type { KubernetesEntry, QuantitiesEntry } from "./lane-kubernetes.ts";
import { CLASS_VALUE_MAX } from "./lane-kubernetes.ts";
import { leaf, yesNo } from "./leaves.ts";
import { parseCpu, parseMemory, QUANTITY_PATTERNS } from "./quantities.ts";
import { parsePercent, PATTERNS } from "./units.ts";

const PODS_MAX = 1_000_000;

const cpu = leaf("an amount of processor such as 500m or 2", (error) =>
  z.union(
    [
      z.number(error).min(0.001, error).max(1e6, error).multipleOf(0.001, error),
      z.string(error).regex(QUANTITY_PATTERNS.cpu, error).refine(isCpu, error),
    ],
    error,
  ),
);

const memory = leaf("an amount of memory such as 512Mi", (error) =>
  z.string(error).regex(QUANTITY_PATTERNS.memory, error).refine(isMemory, error),
);

const quantities: z.ZodType<QuantitiesEntry> = z.strictObject({
  cpu: cpu.optional().describe("Of the processor: 500m is half of one."),
  memory: memory.optional().describe("Of memory, with Ki, Mi, Gi in 1024s or k, M, G in thousands."),
});

/** A name that the server takes for a PriorityClass; those that begin with `system-` are its own. */
const className = leaf(
  "a name of lower-case letters, digits, - and ., at most 63 long, that does not begin with system-",
  (error) =>
    z
      .string(error)
      .max(63, error)
      .regex(/^(?!system-)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/, error),
);

const maxUnavailable = leaf("a whole number of pods from 1 up, a percentage such as 25%, or false", (error) =>
  z.union(
    [
      z.literal(false, error),
      z.number(error).int(error).min(1, error).max(PODS_MAX, error),
      z.string(error).regex(PATTERNS.percent, error).refine(isPercentAboveZero, error),
    ],
    error,
  ),
);

/** What pods of a lane get. */
export const laneKubernetes: z.ZodType<KubernetesEntry> = z.strictObject({
  value: leaf(`a whole number from -${CLASS_VALUE_MAX} to ${CLASS_VALUE_MAX}`, (error) =>
    z.number(error).int(error).min(-CLASS_VALUE_MAX, error).max(CLASS_VALUE_MAX, error),
  )
    .optional()
    .describe(
      "The value of its PriorityClass, less than that of the lane above. Default by name: 1000000 for critical, 100000 high, 0 normal, -5 low, -1000 bulk; else between its neighbours.",
    ),
  class: className
    .optional()
    .describe(
      "The name of its PriorityClass. Default: lane- and the name of the lane, and what differs from the defaults.",
    ),
  preemption: yesNo
    .optional()
    .describe(
      "Whether its pods may put out pods of lower lanes. Default: false for bulk and for values below -10, else true.",
    ),
  requests: quantities
    .optional()
    .describe(
      "What a container asks for that does not say so itself. Default by name: 500m and 512Mi for critical down to 10m and 128Mi for bulk.",
    ),
  limits: quantities
    .optional()
    .describe("What a container may use at most that does not say so itself. Default: none."),
  qos: leaf("burstable or guaranteed", (error) => z.enum(["burstable", "guaranteed"], error))
    .optional()
    .describe("guaranteed: the limits are the requests, both of which must be given. Default: burstable."),
  total: z
    .strictObject({
      pods: leaf(`a whole number of pods from 0 to ${PODS_MAX}`, (error) =>
        z.number(error).int(error).min(0, error).max(PODS_MAX, error),
      )
        .optional()
        .describe("Their number."),
      cpu: cpu.optional().describe("What they ask of the processor together."),
      memory: memory.optional().describe("What they ask of memory together."),
    })
    .optional()
    .describe("What all pods of the lane in a namespace may come to. Default: its part of --capacity."),
  maxUnavailable: maxUnavailable
    .optional()
    .describe(
      "How many of its pods may be down at once for maintenance: a number, a percentage, or false. Default: 1 for lanes above the default lane, else false.",
    ),
});

function isCpu(value: string): boolean {
  return parseCpu(value) !== undefined;
}

function isMemory(value: string): boolean {
  return parseMemory(value) !== undefined;
}

/** Of a share: 0 would let no node ever be emptied. Kubernetes takes whole ones. */
function isPercentAboveZero(value: string): boolean {
  const percent = parsePercent(value);
  return percent !== undefined && percent > 0 && Number.isInteger(percent);
}
