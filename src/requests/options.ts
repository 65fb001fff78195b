import type { LanewayError } from "../core/errors.ts";
import type { Classification } from "../policy/classify.ts";

/**
 * Options of every adapter for incoming requests; all have safe defaults. `Request` is what the framework calls a
 * request, `Shed` how `onShed` is called.
 *
 * @example
 * { lane: "critical" }
 * { flow: (req) => req.user?.tenant, skip: (req) => req.url === "/metrics" }
 */
export interface LaneOptions<Request, Shed = (refusal: LanewayError, request: Request) => unknown> {
  /** The lane, or what finds it; undefined from the function: the policy's rules decide, as they do without it. */
  readonly lane?: string | ((request: Request, classification: Classification) => string | undefined);
  /** Who is asking: the unit of fairness inside the lane. Default: as the policy says. */
  readonly flow?: string | ((request: Request, classification: Classification) => string | undefined);
  /** True for a request that needs no lane: it is neither held back nor counted. An exempt lane counts. */
  readonly skip?: (request: Request) => boolean;
  /** Answers a refused request itself. What it leaves unanswered when it returns, or resolves, gets the usual reply. */
  readonly onShed?: Shed;
  /** Whether replies carry `laneway-lane`, `laneway-wait-ms` and `server-timing`. Default true. */
  readonly headers?: boolean;
  /** The resource that requests need. Default: the rule's, else "http", else the only one. */
  readonly resource?: string;
}
