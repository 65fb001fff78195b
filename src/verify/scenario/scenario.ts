/** A scenario with every default filled in: what is asked of a service, and what is promised of it. */

import type { Returning } from "../overload/plan.ts";
import type { Objective } from "./objective.ts";
import type { Rate } from "./rate.ts";

/** One kind of request. */
export interface ScenarioRequest {
  readonly method: string;
  readonly path: string;
  readonly weight: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** The callers that a lane's requests stand for; the first asks most often when they are skewed. */
export interface ScenarioFlows {
  readonly count: number;
  readonly header: string;
  readonly prefix: string;
  readonly skew: number;
}

/** One lane of the load; several may claim the same lane of the service. */
export interface ScenarioLane {
  readonly name: string;
  /** The lane that is claimed. */
  readonly lane: string;
  readonly timeoutMs: number;
  readonly returns: Returning;
  readonly returnsMax: number;
  readonly requests: readonly ScenarioRequest[];
  /** Undefined: callers are not told apart. */
  readonly flows: ScenarioFlows | undefined;
  /** One for each phase: the rate at its start and at its end. */
  readonly rates: readonly { readonly from: Rate; readonly to: Rate }[];
  readonly objectives: readonly Objective[];
}

/** One part of the load. */
export interface ScenarioPhase {
  readonly name: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** The whole scenario. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** What the service can do, in calls a second; undefined: it is to be found out. */
  readonly capacity: number | undefined;
  readonly arrivals: "poisson" | "steady";
  /** The header that claims a lane. */
  readonly header: string;
  readonly inFlightMax: number;
  readonly phases: readonly ScenarioPhase[];
  /** Most important first. */
  readonly lanes: readonly ScenarioLane[];
}
