/** laneway.yaml as it is written: units are text, defaults are absent. `schema.ts` says what each field means. */

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

/** One entry of `resources`. */
export interface ResourceEntry {
  provider?: "http" | "anthropic" | "openai" | undefined;
  upstream?: string | undefined;
  limit?: number | undefined;
  queue?: { max?: number | undefined; whenFull?: "reject" | "evict" | undefined } | undefined;
  order?: "strict" | "weighted" | undefined;
  lanes?: Record<string, LaneFields> | undefined;
}

/** The whole file. */
export interface PolicyFile {
  version?: 1 | undefined;
  lanes?: LaneEntry[] | undefined;
  defaultLane?: string | undefined;
  aging?: false | { after?: string | undefined; budget?: string | undefined } | undefined;
  classify?: RuleEntry[] | undefined;
  flow?: { header: string } | undefined;
  trust?: { header?: string | undefined; callers?: CallerEntry[] | undefined } | undefined;
  resources?: Record<string, ResourceEntry> | undefined;
  enforce?: boolean | undefined;
  gateway?:
    | {
        listen?: string | undefined;
        admin?: string | false | undefined;
        probes?: string | undefined;
        drainTimeout?: string | undefined;
        maxBody?: string | undefined;
      }
    | undefined;
}
