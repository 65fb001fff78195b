/** What is used of `@opentelemetry/api`. */

/** Names and values of one measurement or span. */
export type Attributes = Record<string, string | number | boolean>;

interface ObservableResult {
  observe(instrument: unknown, value: number, attributes?: Attributes): void;
}

/** An instrument that is asked. */
export interface ObservableLike {
  readonly addCallback?: unknown;
}

/** An instrument that is told. */
export interface HistogramLike {
  record(value: number, attributes?: Attributes, context?: unknown): void;
}

/** What is used of a meter. */
export interface MeterLike {
  createObservableCounter(name: string, options: InstrumentOptions): ObservableLike;
  createObservableGauge(name: string, options: InstrumentOptions): ObservableLike;
  createHistogram(name: string, options: InstrumentOptions): HistogramLike;
  addBatchObservableCallback(callback: (result: never) => void, observables: never[]): void;
  removeBatchObservableCallback(callback: (result: never) => void, observables: never[]): void;
}

/** Called by a meter that wants numbers. */
export type BatchCallback = (result: ObservableResult) => void;

/** How an instrument is described. */
export interface InstrumentOptions {
  readonly description?: string;
  readonly unit?: string;
  readonly advice?: { explicitBucketBoundaries?: number[] };
}

/** What is used of a meter provider; that of `@opentelemetry/sdk-metrics` is one. */
export interface MeterProviderLike {
  getMeter(name: string, version?: string): object;
}

/** What is used of a span. */
export interface SpanLike {
  setStatus(status: { code: number; message?: string }): unknown;
  end(endTime?: number): void;
}

/** What is used of a tracer. */
export interface TracerLike {
  startSpan(name: string, options: SpanOptions, context?: unknown): SpanLike;
}

/** What a span starts with. */
export interface SpanOptions {
  readonly startTime: number;
  readonly attributes: Attributes;
}

/** What is used of a tracer provider; that of `@opentelemetry/sdk-trace` is one. */
export interface TracerProviderLike {
  getTracer(name: string, version?: string): object;
}

/** `import * as api from "@opentelemetry/api"`: the parts that tell which span surrounds the running code. */
export interface OpenTelemetryApi {
  readonly context: { active(): object };
  readonly trace: { setSpan(context: never, span: never): object };
}

/** The name under which everything here is reported. */
export const SCOPE = "laneway";
