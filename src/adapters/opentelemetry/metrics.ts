/**
 * Counters and gauges are asked for when the provider's reader collects; durations are recorded one by one, for a
 * histogram of OpenTelemetry cannot be given counts.
 */

import { invalid } from "../../core/errors.ts";
import { TOTAL_BOUNDS_MS } from "../../core/histogram.ts";
import type { TaskRecord } from "../../core/snapshot.ts";
import { collect } from "../../metrics/collect.ts";
import type { Family } from "../../metrics/family.ts";
import { Followed } from "../../policy/followed.ts";
import type { Laneway } from "../../policy/laneway.ts";
import { claimCounts } from "../../requests/claims.ts";
import { SCOPE } from "./api.ts";
import type {
  BatchCallback,
  HistogramLike,
  MeterLike,
  MeterProviderLike,
  ObservableLike,
  OpenTelemetryApi,
} from "./api.ts";
import { followAll } from "./follow.ts";

/** Options of `openTelemetryMetrics`. */
export interface MetricsOptions {
  readonly meterProvider: MeterProviderLike;
  /** `import * as api from "@opentelemetry/api"`: with it durations carry the trace of their task, as exemplars. */
  readonly api?: OpenTelemetryApi;
}

/**
 * Reports all metrics of a `Laneway` to a meter provider. The names are those of the gateway's page, a counter's without
 * its `_total`, which exporters to Prometheus add again: so the same rules and dashboards fit. Returns the function that
 * stops it.
 *
 * @throws LanewayError `LANEWAY_INVALID` when the provider is none.
 * @example
 * const meterProvider = new MeterProvider({ readers: [reader] });
 * openTelemetryMetrics(laneway, { meterProvider });
 */
export function openTelemetryMetrics(laneway: Laneway, options: MetricsOptions): () => void {
  const { meterProvider, api } = options;
  if (typeof (meterProvider as Partial<MeterProviderLike> | undefined)?.getMeter !== "function")
    throw invalid("openTelemetryMetrics: meterProvider", "a MeterProvider", meterProvider);
  const meter = meterProvider.getMeter(SCOPE) as MeterLike;
  const read = (): Family[] => collect(laneway, { claims: claimCounts(laneway).list() });
  const families = read();
  const durations = durationsOn(meter, families);
  const observed = new Map<string, ObservableLike>();
  for (const family of families)
    if (family.type !== "histogram") observed.set(family.name, observable(meter, family));
  const callback: BatchCallback = (result) => {
    for (const family of read()) {
      const instrument = observed.get(family.name);
      if (instrument === undefined || family.type === "histogram") continue;
      for (const { labels, value } of family.samples) result.observe(instrument, value, labels);
    }
  };
  const observables = [...observed.values()] as never[];
  meter.addBatchObservableCallback(callback, observables);
  const followed = new Followed<unknown>(
    (record, context) => recordDurations(durations, record, context),
    api === undefined ? undefined : () => api.context.active(),
  );
  const stop = followAll(followed, laneway);
  return () => {
    stop();
    meter.removeBatchObservableCallback(callback, observables);
  };
}

function observable(meter: MeterLike, { name, type, help }: Family): ObservableLike {
  const options = { description: help, ...unitOf(name) };
  return type === "counter"
    ? meter.createObservableCounter(name.replace(/_total$/, ""), options)
    : meter.createObservableGauge(name, options);
}

function unitOf(name: string): { unit?: string } {
  return /_seconds(?:_total)?$/.test(name) ? { unit: "s" } : {};
}

interface Durations {
  readonly waits: HistogramLike;
  readonly runs: HistogramLike;
  readonly durations: HistogramLike;
}

function durationsOn(meter: MeterLike, families: readonly Family[]): Durations {
  const make = (name: string): HistogramLike =>
    meter.createHistogram(name, {
      description: families.find((family) => family.name === name)!.help,
      unit: "s",
      advice: { explicitBucketBoundaries: TOTAL_BOUNDS_MS.map((ms) => ms / 1_000) },
    });
  return {
    waits: make("laneway_queue_wait_seconds"),
    runs: make("laneway_run_seconds"),
    durations: make("laneway_duration_seconds"),
  };
}

/** Of what was never started there is no duration: a refusal at once would make a lane look fast. */
function recordDurations(into: Durations, record: TaskRecord, context: unknown): void {
  if (record.outcome !== "finished" && record.outcome !== "failed") return;
  const labels = { resource: record.resource, lane: record.lane };
  into.waits.record(record.waitMs / 1_000, labels, context);
  into.runs.record(record.runMs / 1_000, labels, context);
  into.durations.record((record.endedAt - record.arrivedAt) / 1_000, labels, context);
}
