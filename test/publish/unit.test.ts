/** The service unit, by what systemd itself says of it. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defaultPolicy } from "../../src/policy/policy.ts";
import { needsProgram } from "../needs.ts";
import { ROOT, runIn } from "./project.ts";

const UNIT = join(ROOT, "packaging/laneway-gateway.service");
/** Tenths: systemd says OK below 4.9, and rates its own tightest services at about 2. */
const EXPOSURE_MOST = 15;

/** The values of a setting, in order. */
function valuesOf(name: string): string[] {
  const lines = readFileSync(UNIT, "utf8").matchAll(new RegExp(`^${name}=(.*)$`, "gm"));
  return [...lines].map(([, value = ""]) => value);
}

test("systemd finds nothing wrong with the unit, and rates what it is exposed to as low", (t) => {
  if (!needsProgram(t, "systemd-analyze", "apt-get install systemd")) return;
  assert.deepEqual(runIn(ROOT, ["systemd-analyze", "verify", UNIT]), { code: 0, output: "" });
  const rate = [
    "systemd-analyze",
    "security",
    "--offline=true",
    "--no-pager",
    `--threshold=${EXPOSURE_MOST}`,
    UNIT,
  ];
  const { code, output } = runIn(ROOT, rate);
  assert.equal(code, 0, output);
  assert.match(output, /Overall exposure level for laneway-gateway\.service: \d\.\d OK/);
});

test("the unit gives a drain longer than it takes, and starts nothing again that would fail again", () => {
  const { drainTimeoutMs } = defaultPolicy().gateway;
  assert.ok(Number(valuesOf("TimeoutStopSec")[0]) * 1_000 > drainTimeoutMs);
  assert.deepEqual(valuesOf("KillSignal"), ["SIGTERM"]);
  // Only the gateway is told to stop: what it may have started would be ended before it has drained.
  assert.deepEqual(valuesOf("KillMode"), ["mixed"]);
  assert.deepEqual(valuesOf("RestartPreventExitStatus"), ["2 4"]);
  assert.deepEqual(valuesOf("User"), [], "DynamicUser makes one");
});
