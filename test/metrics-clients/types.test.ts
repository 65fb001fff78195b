import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { folderWith } from "../cli/command.ts";
import { needsPackage } from "../needs.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OPTIONS =
  "--noEmit --strict --exactOptionalPropertyTypes --skipLibCheck --target es2024 --module nodenext --allowImportingTsExtensions --types node";

const PROGRAM = `
import * as api from "@opentelemetry/api";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { Registry as Current } from "@prometheus-io/client";
import { Registry } from "prom-client";
import { openTelemetryMetrics, openTelemetrySpans } from "${ROOT}src/adapters/opentelemetry.ts";
import { prometheusMetrics } from "${ROOT}src/adapters/prometheus.ts";
import { Laneway } from "${ROOT}src/policy/laneway.ts";

const laneway = await Laneway.fromFile("laneway.yaml");
prometheusMetrics(laneway, { registry: new Registry() });
prometheusMetrics(laneway, { registry: new Current() });
openTelemetryMetrics(laneway, { meterProvider: new MeterProvider() });
openTelemetryMetrics(laneway, { meterProvider: api.metrics.getMeterProvider(), api });
openTelemetrySpans(laneway, { tracerProvider: new TracerProvider(), api });
openTelemetrySpans(laneway, { tracerProvider: api.trace.getTracerProvider(), api });
// @ts-expect-error
prometheusMetrics(laneway, {});
// @ts-expect-error
openTelemetrySpans(laneway, { tracerProvider: new TracerProvider() });
`;

test("a user's compiler takes the clients' own types, and says what is missing", async (t) => {
  for (const name of ["prom-client", "@prometheus-io/client", "@opentelemetry/sdk-trace"])
    if (!needsPackage(t, "test/metrics-clients", name)) return;
  const cwd = await folderWith(t, { "program.ts": PROGRAM, "package.json": '{ "type": "module" }' });
  symlinkSync(join(ROOT, "test/metrics-clients/node_modules"), join(cwd, "node_modules"));
  const roots = ["--typeRoots", join(ROOT, "node_modules/@types")];
  const { stdout } = spawnSync(
    join(ROOT, "node_modules/.bin/tsc"),
    [...OPTIONS.split(" "), ...roots, "program.ts"],
    { cwd, encoding: "utf8" },
  );
  assert.equal(stdout, "");
});
