/** A scenario as it is written: units are text, defaults are absent. `schema.ts` says what each field means. */

/** `40/s`, or `25%` of what the service can do. */
export type RateText = string;

/** How often a lane is asked: evenly, or from one rate to another. */
export type RateEntry = RateText | { from: RateText; to: RateText };

/** One kind of request of a lane. */
export interface PathEntry {
  path: string;
  method?: string | undefined;
  weight?: number | undefined;
  headers?: Record<string, string> | undefined;
  body?: string | Record<string, unknown> | undefined;
}

/** Requests to a model. */
export interface AiEntry {
  provider: "anthropic" | "openai";
  model?: string | undefined;
  maxTokens?: number | undefined;
  stream?: boolean | undefined;
  prompt?: string | undefined;
}

/** One entry of `lanes`. */
export interface ScenarioLaneEntry {
  name: string;
  lane?: string | undefined;
  rate?: RateEntry | undefined;
  during?: Record<string, RateEntry> | undefined;
  paths?: (string | PathEntry)[] | undefined;
  ai?: AiEntry | undefined;
  headers?: Record<string, string> | undefined;
  flows?:
    | number
    | { count: number; header?: string | undefined; prefix?: string | undefined; skew?: number | undefined }
    | undefined;
  returns?: "obey" | "ignore" | "none" | { after: "obey" | "ignore"; most?: number | undefined } | undefined;
  timeout?: string | undefined;
  objectives?: string[] | undefined;
}

/** The whole file. */
export interface ScenarioFile {
  version?: 1 | undefined;
  about?: string | undefined;
  rate?: RateText | undefined;
  arrivals?: "poisson" | "steady" | undefined;
  timeout?: string | undefined;
  header?: string | undefined;
  inFlight?: number | undefined;
  phases?: { name: string; for: string }[] | undefined;
  lanes?: ScenarioLaneEntry[] | undefined;
}
