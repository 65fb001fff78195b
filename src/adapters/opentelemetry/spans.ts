/**
 * A span for each task, made when the task has ended: from its arrival to its end, with the wait for a seat inside. Both
 * hang on the span that surrounded the submission, as do those that the task's own code makes.
 */

import { invalid } from "../../core/errors.ts";
import type { TaskRecord } from "../../core/snapshot.ts";
import { Followed } from "../../policy/followed.ts";
import type { Laneway } from "../../policy/laneway.ts";
import { SCOPE } from "./api.ts";
import type { Attributes, OpenTelemetryApi, TracerLike, TracerProviderLike } from "./api.ts";
import { followAll } from "./follow.ts";

/** Options of `openTelemetrySpans`. */
export interface SpansOptions {
  readonly tracerProvider: TracerProviderLike;
  /** `import * as api from "@opentelemetry/api"`: it knows which span surrounds a submission. */
  readonly api: OpenTelemetryApi;
}

/** `SpanStatusCode.ERROR` */
const ERROR = 2;

/**
 * Reports each task of a `Laneway` as a span `laneway.task`, with a span `laneway.wait` inside for the time that it was
 * queued, if it was. Attributes: `laneway.resource`, `laneway.lane`, `laneway.outcome`, and where they are known
 * `laneway.reason`, `laneway.rule`, `laneway.position` and `laneway.request_id`. Flows stay out: they may be customers.
 * Returns the function that stops it.
 *
 * @throws LanewayError `LANEWAY_INVALID` when the provider or the API is none.
 * @example
 * openTelemetrySpans(laneway, { tracerProvider, api: await import("@opentelemetry/api") });
 */
export function openTelemetrySpans(laneway: Laneway, options: SpansOptions): () => void {
  const { tracerProvider, api } = options;
  if (typeof (tracerProvider as Partial<TracerProviderLike> | undefined)?.getTracer !== "function")
    throw invalid("openTelemetrySpans: tracerProvider", "a TracerProvider", tracerProvider);
  if (typeof (api as Partial<OpenTelemetryApi> | undefined)?.context?.active !== "function")
    throw invalid("openTelemetrySpans: api", 'import * as api from "@opentelemetry/api"', api);
  const tracer = tracerProvider.getTracer(SCOPE) as TracerLike;
  const followed = new Followed<object>(
    (record, context) => report(tracer, api, record, context),
    () => api.context.active(),
  );
  return followAll(followed, laneway);
}

function report(
  tracer: TracerLike,
  { trace }: OpenTelemetryApi,
  record: TaskRecord,
  context: object | undefined,
): void {
  // Resources have clocks of their own; the end is now.
  const sinceEpoch = Date.now() - record.endedAt;
  const attributes = attributesOf(record);
  const arrivedAt = sinceEpoch + record.arrivedAt;
  const endedAt = sinceEpoch + record.endedAt;
  const task = tracer.startSpan("laneway.task", { startTime: arrivedAt, attributes }, context);
  if (record.waitMs > 0) {
    const inside = context === undefined ? undefined : trace.setSpan(context as never, task as never);
    const wait = tracer.startSpan("laneway.wait", { startTime: arrivedAt, attributes }, inside);
    wait.end(Math.min(arrivedAt + record.waitMs, endedAt));
  }
  // What was shed did not do what its caller asked for; what its caller gave up is no error of ours.
  if (record.outcome !== "finished" && record.outcome !== "cancelled")
    task.setStatus({ code: ERROR, message: record.reason ?? record.outcome });
  task.end(endedAt);
}

function attributesOf(record: TaskRecord): Attributes {
  const { resource, lane, outcome, reason, rule, position, id } = record;
  return {
    "laneway.resource": resource,
    "laneway.lane": lane,
    "laneway.outcome": outcome,
    "laneway.request_id": id,
    "laneway.position": position,
    ...(reason === undefined ? {} : { "laneway.reason": reason }),
    ...(rule === undefined ? {} : { "laneway.rule": rule }),
  };
}
