/** What one worker sends, as plain data: numbers and bytes, so that it crosses threads without being copied twice. */

import type { Http1Target } from "../load/http1/connections.ts";

/** What a client does that was refused: comes back when it was told to, comes back at once, or does not. */
export type Returning = "obey" | "ignore" | "none";

/** One lane of the load. */
export interface LanePlan {
  readonly name: string;
  /** What its replies should say in `laneway-lane`. */
  readonly expects: string;
  /** A reply that is not whole by then has failed. */
  readonly timeoutMs: number;
  readonly returns: Returning;
  /** The most times that one call comes back. */
  readonly returnsMax: number;
}

/** A request that calls send, again and again. */
export interface RequestPlan {
  readonly bytes: Uint8Array;
  readonly bodiless: boolean;
  readonly idempotent: boolean;
}

/** The whole plan of one worker. Call `n` is due at `due[n]`, is of lane `lane[n]` and sends request `request[n]`. */
export interface WorkerPlan {
  readonly target: Http1Target;
  readonly lanes: readonly LanePlan[];
  readonly requests: readonly RequestPlan[];
  readonly due: Float64Array;
  readonly lane: Uint16Array;
  readonly request: Uint32Array;
  /** The ends of the phases, in order; the last one is the end of the load. */
  readonly phaseEndsMs: readonly number[];
  /** Calls in flight beyond which none is sent. */
  readonly inFlightMax: number;
}
