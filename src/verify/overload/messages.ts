/** What the workers of a load and whoever runs them say to each other. */

import type { TimeCountsData } from "../load/time-counts.ts";
import type { WorkerPlan } from "./plan.ts";
import type { TallyData } from "./tally.ts";

/** To a worker: a load to start at an instant of the wall clock, so that all agree on it; or to end the one under way. */
export type WorkerCommand =
  | {
      readonly type: "load";
      readonly plan: WorkerPlan;
      readonly seed: number;
      readonly startAtEpochMs: number;
    }
  | { readonly type: "stop" };

/** One lane as it stands, for whoever watches. */
export interface LaneTick {
  offered: number;
  served: number;
  refused: number;
  failed: number;
  inFlight: number;
  /** Of calls served since the last tick, some. */
  latenciesMs: readonly number[];
}

/** From a worker: it is warm; how its load stands; what became of it. */
export type WorkerMessage =
  | { readonly type: "ready" }
  | { readonly type: "tick"; readonly lanes: readonly LaneTick[] }
  | {
      readonly type: "result";
      readonly lanes: readonly TallyData[];
      readonly lag: TimeCountsData;
      readonly stalls: TimeCountsData;
      readonly sent: number;
      /** How long it lasted, from its start. */
      readonly lastedMs: number;
    };
