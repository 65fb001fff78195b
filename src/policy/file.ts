/** laneway.yaml as it is written: units are text, defaults are absent. `schema.ts` says what each field means. */

import type { KubernetesEntry } from "./lane-kubernetes.ts";

/** The fields of a lane that a resource may refine. */
export interface LaneFields {
  reservation?: number | string | undefined;
  lendable?: number | string | undefined;
  ceiling?: number | string | undefined;
  weight?: number | undefined;
  timeout?: string | undefined;
  queue?: { max?: number | undefined; timeout?: string | undefined } | undefined;
  aging?: { after: string } | undefined;
}

/** One entry of `lanes`. */
export interface LaneEntry extends LaneFields {
  name: string;
  exempt?: boolean | undefined;
  objective?: { wait?: string | undefined; success?: string | undefined } | undefined;
  cpu?: { nice?: number | undefined; weight?: number | "idle" | undefined } | undefined;
  memory?:
    | {
        high?: string | undefined;
        low?: string | undefined;
        max?: string | undefined;
        oomScoreAdj?: number | undefined;
      }
    | undefined;
  network?: { dscp?: number | string | undefined; share?: string | undefined } | undefined;
  kubernetes?: KubernetesEntry | undefined;
}

/** One entry of `classify`. */
export interface RuleEntry {
  path?: string | undefined;
  method?: string | undefined;
  header?: Record<string, string> | undefined;
  model?: string | undefined;
  host?: string | undefined;
  lane: string;
  resource?: string | undefined;
}

/** One entry of `trust.callers`. */
export interface CallerEntry {
  key?: string | undefined;
  cidr?: string | undefined;
  flow?: string | undefined;
  upTo?: string | undefined;
}

/** A minute's allowance of each kind, as rates. */
export interface BudgetFields {
  requests?: string | undefined;
  inputTokens?: string | undefined;
  outputTokens?: string | undefined;
}

/** Either of the two. */
export interface FallbackEntry {
  resource?: string | undefined;
  model?: string | undefined;
}

/** A lane as one resource refines it. */
export interface ResourceLaneFields extends LaneFields {
  keys?: string[] | undefined;
  fallback?: FallbackEntry | undefined;
}

/** A limit that is learned. */
export interface AdaptiveEntry {
  adaptive: true;
  min?: number | undefined;
  max?: number | undefined;
  start?: number | undefined;
}

/** One entry of `resources`. */
export interface ResourceEntry {
  provider?: "http" | "anthropic" | "openai" | undefined;
  upstream?: string | undefined;
  limit?: number | "adaptive" | AdaptiveEntry | undefined;
  queue?: { max?: number | undefined; whenFull?: "reject" | "evict" | undefined } | undefined;
  order?: "strict" | "weighted" | undefined;
  memory?: boolean | undefined;
  keys?: string[] | undefined;
  budgets?: (BudgetFields & { models?: Record<string, BudgetFields> | undefined }) | undefined;
  retry?:
    | { attempts?: number | undefined; budget?: string | undefined; plainHttp?: boolean | undefined }
    | undefined;
  fallback?: FallbackEntry | undefined;
  commitAfter?: string | undefined;
  idleTimeout?: string | undefined;
  lanes?: Record<string, ResourceLaneFields> | undefined;
}

/** The whole file. */
export interface PolicyFile {
  version?: 1 | undefined;
  lanes?: LaneEntry[] | undefined;
  defaultLane?: string | undefined;
  aging?: false | { after?: string | undefined; budget?: string | undefined } | undefined;
  classify?: RuleEntry[] | undefined;
  flow?: { header: string } | undefined;
  trust?:
    | {
        header?: string | undefined;
        callers?: CallerEntry[] | undefined;
        forwardTo?: string[] | undefined;
      }
    | undefined;
  resources?: Record<string, ResourceEntry> | undefined;
  enforce?: boolean | undefined;
  network?: { profile: "safe" | "rfc4594"; checkQueue?: boolean | undefined } | undefined;
  gateway?:
    | {
        listen?: string | undefined;
        admin?: string | false | undefined;
        adminToken?: string | undefined;
        probes?: string | undefined;
        drainTimeout?: string | undefined;
        maxBody?: string | undefined;
      }
    | undefined;
}
