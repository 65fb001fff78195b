import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { dashboardText } from "../../scripts/dashboard.ts";
import { needsPackage } from "../needs.ts";

test("the dashboard in the repository is what Grafana's builders make of its panels", async (t) => {
  if (!needsPackage(t, "test/metrics-clients", "@grafana/grafana-foundation-sdk/dashboard")) return;
  const file = readFileSync(new URL("../../docs/grafana/laneway.json", import.meta.url), "utf8");
  assert.equal(file, await dashboardText(), "run node scripts/dashboard.ts");
});
