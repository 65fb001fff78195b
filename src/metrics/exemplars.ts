/** The last task with a trace, of each bucket of each lane's histograms: as many as there are buckets, and no more. */

import { TOTAL_BOUNDS_MS } from "../core/histogram.ts";
import type { TaskRecord } from "../core/snapshot.ts";
import type { Measured } from "./collect.ts";
import type { Exemplar } from "./family.ts";
import { Followed } from "../policy/followed.ts";

/** The exemplars of one lane, by bucket. */
export interface LaneExemplars {
  readonly waits: (Exemplar | undefined)[];
  readonly runs: (Exemplar | undefined)[];
  readonly durations: (Exemplar | undefined)[];
}

export class ExemplarStore {
  readonly #byResource = new Map<string, Map<string, LaneExemplars>>();
  readonly #followed: Followed<string | undefined>;

  /** `look` tells the trace that surrounds a submission, in its async context. */
  constructor(look: () => string | undefined) {
    this.#followed = new Followed((record, traceId) => {
      if (traceId !== undefined) this.#note(record, traceId);
    }, look);
  }

  /** Listens to the resources there are, and forgets the others; to be called again when those may have changed. */
  follow(laneway: Measured): void {
    this.#followed.follow(laneway);
    for (const name of this.#byResource.keys())
      if (!laneway.resources.has(name)) this.#byResource.delete(name);
  }

  of(resource: string, lane: string): LaneExemplars | undefined {
    return this.#byResource.get(resource)?.get(lane);
  }

  /** Stops listening. */
  close(): void {
    this.#followed.stop();
  }

  #note(record: TaskRecord, traceId: string): void {
    if (record.outcome !== "finished" && record.outcome !== "failed") return;
    const lanes = this.#byResource.get(record.resource) ?? new Map<string, LaneExemplars>();
    this.#byResource.set(record.resource, lanes);
    const own = lanes.get(record.lane) ?? { waits: [], runs: [], durations: [] };
    lanes.set(record.lane, own);
    const at = Date.now() / 1_000;
    put(own.waits, record.waitMs, traceId, at);
    put(own.runs, record.runMs, traceId, at);
    put(own.durations, record.endedAt - record.arrivedAt, traceId, at);
  }
}

function put(into: (Exemplar | undefined)[], ms: number, traceId: string, at: number): void {
  let bucket = 0;
  while (bucket < TOTAL_BOUNDS_MS.length && ms > TOTAL_BOUNDS_MS[bucket]!) bucket++;
  into[bucket] = { traceId, seconds: ms / 1_000, at };
}
