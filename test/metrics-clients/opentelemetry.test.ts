import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { openTelemetryMetrics, openTelemetrySpans } from "../../src/adapters/opentelemetry.ts";
import type {
  MeterProviderLike,
  OpenTelemetryApi,
  TracerProviderLike,
} from "../../src/adapters/opentelemetry.ts";
import { MetricsPage } from "../../src/metrics/page.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { needsPackage } from "../needs.ts";

const FOLDER = "test/metrics-clients";

/** What is used of OpenTelemetry's packages here: this file is checked without them too. */
interface Api extends OpenTelemetryApi {
  readonly context: OpenTelemetryApi["context"] & {
    setGlobalContextManager(manager: object): void;
    disable(): void;
    with(context: object, fn: () => unknown): void;
  };
}
type Made = new (options?: object) => never;
interface Closable {
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

async function load(t: TestContext, name: string): Promise<Record<string, Made> | undefined> {
  return needsPackage(t, FOLDER, name) ? ((await import(name)) as Record<string, Made>) : undefined;
}

async function lanewayOf(): Promise<{ laneway: Laneway; clock: TestClock }> {
  const clock = new TestClock(5_000);
  const policy = "lanes: [{ name: critical }, { name: bulk }]\nresources: { db: { limit: 1 } }";
  return { clock, laneway: new Laneway(await parsePolicy(policy), { clock, random: () => 0.5 }) };
}

/** An endpoint of the collector's protocol, which keeps what it is sent by path. */
async function collector(t: TestContext): Promise<{ url: string; received: Map<string, unknown[]> }> {
  const received = new Map<string, unknown[]>();
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const kept = received.get(req.url!) ?? [];
      kept.push(JSON.parse(Buffer.concat(chunks).toString("utf8")));
      received.set(req.url!, kept);
      res.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}

function attributeOf(span: Span, key: string): unknown {
  const found = span.attributes.find((attribute) => attribute.key === key);
  return found === undefined ? undefined : Object.values(found.value)[0];
}

function millisecondsOf({ startTimeUnixNano, endTimeUnixNano }: Span): number {
  return Number((BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1_000_000n);
}

/** A tracer provider that sends to an endpoint, in an async context that OpenTelemetry manages. */
async function tracing(
  t: TestContext,
): Promise<
  { api: Api; provider: TracerProviderLike & Closable; received: Map<string, unknown[]> } | undefined
> {
  const sdk = await load(t, "@opentelemetry/sdk-trace");
  const exporters = await load(t, "@opentelemetry/exporter-trace-otlp-http");
  const hooks = await load(t, "@opentelemetry/context-async-hooks");
  const api = (await load(t, "@opentelemetry/api")) as unknown as Api | undefined;
  if (sdk === undefined || exporters === undefined || hooks === undefined || api === undefined)
    return undefined;
  const { url, received } = await collector(t);
  const manager = new hooks["AsyncLocalStorageContextManager"]!() as { enable(): object };
  api.context.setGlobalContextManager(manager.enable());
  const exporter = new exporters["OTLPTraceExporter"]!({ url: `${url}/v1/traces` });
  const processor = new sdk["SimpleSpanProcessor"]!({ exporter });
  const Provider = sdk["TracerProvider"]!;
  const provider = new Provider({ spanProcessors: [processor] }) as TracerProviderLike & Closable;
  t.after(async () => {
    await provider.shutdown();
    api.context.disable();
  });
  return { api, provider, received };
}

function spansIn(received: Map<string, unknown[]>): Span[] {
  interface Sent {
    readonly resourceSpans: readonly {
      readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
    }[];
  }
  return (received.get("/v1/traces") ?? []).flatMap((sent) =>
    (sent as Sent).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
  );
}

test("each task is a span of its caller's trace with its wait inside, at an OTLP endpoint", async (t) => {
  const made = await tracing(t);
  if (made === undefined) return;
  const { api, provider, received } = made;
  const { laneway, clock } = await lanewayOf();
  const stop = openTelemetrySpans(laneway, { tracerProvider: provider, api });
  t.after(stop);
  const tracer = provider.getTracer("app") as { startSpan(name: string): { end(): void } };
  const db = laneway.resource("db");
  const inSpan = (name: string, fn: () => Promise<unknown>): Promise<unknown> => {
    const span = tracer.startSpan(name);
    let result: Promise<unknown> = Promise.resolve();
    api.context.with(api.trace.setSpan(api.context.active() as never, span as never), () => (result = fn()));
    span.end();
    return result;
  };
  const runs = [
    inSpan("one", () => db.run(() => clock.sleep(100), { lane: "bulk", rule: "a rule", flow: "tenant-7" })),
    inSpan("two", () => db.run(() => clock.sleep(40), { lane: "critical" })),
    inSpan("three", () => db.run(() => clock.sleep(1), { lane: "bulk", timeoutMs: 50 })),
  ];
  const settled = Promise.allSettled(runs);
  await clock.advance(60);
  await clock.advance(140);
  await settled;
  await provider.forceFlush();
  const spans = spansIn(received);
  const byName = (name: string): Span => spans.find((span) => span.name === name)!;
  const taskOf = (caller: string): Span =>
    spans.find((span) => span.name === "laneway.task" && span.parentSpanId === byName(caller).spanId)!;
  const waitOf = (caller: string): Span | undefined =>
    spans.find((span) => span.name === "laneway.wait" && span.parentSpanId === taskOf(caller).spanId);
  for (const caller of ["one", "two", "three"]) assert.equal(taskOf(caller).traceId, byName(caller).traceId);
  assert.deepEqual([millisecondsOf(taskOf("one")), waitOf("one")], [100, undefined]);
  assert.deepEqual([millisecondsOf(taskOf("two")), millisecondsOf(waitOf("two")!)], [140, 100]);
  assert.equal(attributeOf(taskOf("two"), "laneway.lane"), "critical");
  assert.equal(attributeOf(waitOf("two")!, "laneway.lane"), "critical");
  assert.equal(attributeOf(taskOf("one"), "laneway.rule"), "a rule");
  assert.deepEqual([taskOf("one").status.code ?? 0, taskOf("two").status.code ?? 0], [0, 0]);
  assert.equal(attributeOf(taskOf("three"), "laneway.outcome"), "timedOut");
  assert.deepEqual(taskOf("three").status, { code: 2, message: "passed" });
  assert.ok(!JSON.stringify(spans).includes("tenant-7"), "a flow may be a customer");
  stop();
  await db.run(() => 1);
  await provider.forceFlush();
  assert.equal(spansIn(received).length, spans.length);
});

interface Point {
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[];
  readonly asDouble?: number;
  readonly asInt?: number | string;
  readonly count?: number | string;
  readonly sum?: number;
  readonly bucketCounts?: readonly (number | string)[];
  readonly explicitBounds?: readonly number[];
}
interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly sum?: { readonly dataPoints: readonly Point[]; readonly isMonotonic: boolean };
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}

test("metrics arrive at an OTLP endpoint: counters, gauges, and durations with our bounds", async (t) => {
  const sdk = await load(t, "@opentelemetry/sdk-metrics");
  const exporters = await load(t, "@opentelemetry/exporter-metrics-otlp-http");
  if (sdk === undefined || exporters === undefined) return;
  const { url, received } = await collector(t);
  const exporter = new exporters["OTLPMetricExporter"]!({ url: `${url}/v1/metrics` });
  const reader = new sdk["PeriodicExportingMetricReader"]!({ exporter, exportIntervalMillis: 3_600_000 });
  const meterProvider = new sdk["MeterProvider"]!({ readers: [reader] }) as MeterProviderLike & Closable;
  const { laneway, clock } = await lanewayOf();
  const stop = openTelemetryMetrics(laneway, { meterProvider });
  const runs = ["bulk", "critical"].map((lane) =>
    laneway.resource("db").run(() => clock.sleep(30), { lane, flow: "tenant-7" }),
  );
  await clock.advance(100);
  await Promise.all(runs);
  await meterProvider.forceFlush();
  await meterProvider.shutdown();
  stop();
  const [sent] = received.get("/v1/metrics") as {
    resourceMetrics: { scopeMetrics: { scope: { name: string }; metrics: Metric[] }[] }[];
  }[];
  const { scope, metrics } = sent!.resourceMetrics[0]!.scopeMetrics[0]!;
  assert.equal(scope.name, "laneway");
  const named = (name: string): Metric => metrics.find((metric) => metric.name === name)!;
  const pointOf = (points: readonly Point[], labels: Record<string, string>): Point =>
    points.find(({ attributes }) =>
      Object.entries(labels).every(([name, value]) =>
        attributes.some((attribute) => attribute.key === name && attribute.value.stringValue === value),
      ),
    )!;
  const admissions = named("laneway_admissions").sum!;
  assert.equal(admissions.isMonotonic, true);
  const admitted = pointOf(admissions.dataPoints, { lane: "bulk", outcome: "admitted" });
  assert.equal(Number(admitted.asInt ?? admitted.asDouble), 1);
  assert.equal(admissions.dataPoints.length, 10);
  const limit = named("laneway_limit").gauge!.dataPoints[0]!;
  assert.equal(Number(limit.asInt ?? limit.asDouble), 1);
  const waits = named("laneway_queue_wait_seconds");
  assert.equal(waits.unit, "s");
  const wait = pointOf(waits.histogram!.dataPoints, { lane: "critical" });
  assert.deepEqual([Number(wait.count), wait.sum], [1, 0.03]);
  assert.deepEqual(wait.explicitBounds!.slice(0, 3), [0.001, 0.0025, 0.005]);
  assert.equal(Number(wait.bucketCounts![wait.explicitBounds!.indexOf(0.05)]), 1);
  assert.ok(!JSON.stringify(sent).includes("tenant-7"));
});

test("an exporter to Prometheus gives them the names of our own page, so that rules and dashboards fit", async (t) => {
  const sdk = await load(t, "@opentelemetry/sdk-metrics");
  const exporters = await load(t, "@opentelemetry/exporter-prometheus");
  if (sdk === undefined || exporters === undefined) return;
  const exporter = new exporters["PrometheusExporter"]!({ preventServerStart: true });
  const meterProvider = new sdk["MeterProvider"]!({ readers: [exporter] }) as MeterProviderLike & Closable;
  t.after(() => meterProvider.shutdown());
  const { laneway } = await lanewayOf();
  t.after(openTelemetryMetrics(laneway, { meterProvider }));
  await laneway.resource("db").run(() => 1);
  const collected = await (exporter as { collect(): Promise<{ resourceMetrics: object }> }).collect();
  const text = (new exporters["PrometheusSerializer"]!() as { serialize(metrics: object): string }).serialize(
    collected.resourceMetrics,
  );
  const names = (page: string): Set<string> =>
    new Set(page.split("\n").flatMap((line) => /^(laneway_[a-z0-9_]+)/.exec(line)?.[1] ?? []));
  const theirs = names(text);
  const empty = /_budget_|_limit_bound|pressure/;
  for (const name of names(new MetricsPage(laneway).read(undefined).body))
    assert.ok(theirs.has(name) || empty.test(name), `${name} in\n${text.slice(0, 2_000)}`);
});

test("what is no provider, and spans without the API, are refused in words", async () => {
  const { laneway } = await lanewayOf();
  assert.throws(() => openTelemetryMetrics(laneway, {} as never), {
    code: "LANEWAY_INVALID",
    message: "openTelemetryMetrics: meterProvider: expected a MeterProvider, found undefined",
  });
  assert.throws(() => openTelemetrySpans(laneway, {} as never), { code: "LANEWAY_INVALID" });
  const tracerProvider = { getTracer: () => ({}) };
  assert.throws(() => openTelemetrySpans(laneway, { tracerProvider } as never), {
    message: 'openTelemetrySpans: api: expected import * as api from "@opentelemetry/api", found undefined',
  });
});
