/**
 * `laneway/opentelemetry`: the metrics of a `Laneway` on a meter provider, and a span for each of its tasks on a tracer
 * provider, with the wait for a seat as a span of its own. Providers are given, never looked up.
 */

export { openTelemetryMetrics } from "./opentelemetry/metrics.ts";
export { openTelemetrySpans } from "./opentelemetry/spans.ts";
export type { MetricsOptions } from "./opentelemetry/metrics.ts";
export type { SpansOptions } from "./opentelemetry/spans.ts";
export type {
  Attributes,
  MeterProviderLike,
  OpenTelemetryApi,
  TracerProviderLike,
} from "./opentelemetry/api.ts";
