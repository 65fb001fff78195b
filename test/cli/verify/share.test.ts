import assert from "node:assert/strict";
import { test } from "node:test";
import { sharesOf } from "../../../src/cli/verify/share.ts";
import type { Guarantees } from "../../../src/cli/verify/share.ts";
import { guaranteesOf } from "../../../src/cli/verify/inputs.ts";
import { parsePolicy } from "../../../src/policy/policy.ts";
import { LaneTally } from "../../../src/verify/overload/tally.ts";
import { readScenario } from "../../../src/verify/scenario/read.ts";
import { resolveScenario } from "../../../src/verify/scenario/resolve.ts";
import type { Scenario } from "../../../src/verify/scenario/scenario.ts";

function scenarioOf(...lanes: string[]): Scenario {
  const around = { lanes: [], path: "/", header: "x", flowHeader: "y" };
  const text = `phases: [ { name: all, for: 2s } ]\nlanes: [ ${lanes.join(", ")} ]`;
  return resolveScenario("s", readScenario(text, "s.yaml", {}), around);
}

/** One lane: what was asked and served in the first second and in the second one. */
function tallyOf(first: [number, number], second: [number, number]): LaneTally {
  const tally = new LaneTally([2_000]);
  for (const [at, [offered, served]] of [first, second].entries()) {
    for (let n = 0; n < offered; n++) tally.offer(at * 1_000);
    for (let n = 0; n < served; n++) tally.served(at * 1_000, at * 1_000 + 5, undefined);
  }
  return tally;
}

async function guarantees(text: string): Promise<Guarantees> {
  return guaranteesOf(await parsePolicy(text))!;
}

const LANES = "lanes: [ { name: top, reservation: 40%, lendable: 50% }, { name: low, reservation: 0 } ]\n";

test("shares are of the seconds in which more was asked than the service can do", async () => {
  const scenario = scenarioOf("{ name: top }", "{ name: low }");
  const tallies = [tallyOf([50, 50], [30, 30]), tallyOf([40, 10], [300, 60])];
  const shares = sharesOf(
    scenario,
    tallies,
    100,
    await guarantees(`${LANES}resources: { http: { limit: 10 } }`),
  );
  // Top asked 30 of its 40, of which 20 are its floor; low is due what is left.
  assert.deepEqual(shares, [
    { got: 30 / 90, due: 0.3 },
    { got: 60 / 90, due: 0.7 },
  ]);
});

test("what is served when the overload is over is no part of the share", async () => {
  const scenario = scenarioOf("{ name: top }", "{ name: low }");
  const late = new LaneTally([2_000]);
  for (let n = 0; n < 300; n++) late.offer(0);
  for (let n = 0; n < 300; n++) late.served(0, n < 60 ? 900 : 1_500, undefined);
  const [top, low] = sharesOf(scenario, [tallyOf([40, 40], [0, 0]), late], 100, await guarantees(LANES));
  assert.deepEqual([top!.got, low!.got], [0.4, 0.6]);
});

test("a floor that nobody uses is nobody's due", async () => {
  const scenario = scenarioOf("{ name: top }", "{ name: low }");
  const tallies = [tallyOf([0, 0], [5, 5]), tallyOf([0, 0], [300, 80])];
  const shares = sharesOf(scenario, tallies, 100, await guarantees(LANES));
  // Top uses 5 of its floor of 20: 80 are left, not 95.
  assert.deepEqual(shares[0]!.due, 5 / 85);
});

test("nothing is due without a policy, without overload, or of seats whose number is not known", async () => {
  const scenario = scenarioOf("{ name: top }", "{ name: low }");
  const over = [tallyOf([0, 0], [100, 30]), tallyOf([0, 0], [100, 60])];
  assert.deepEqual(sharesOf(scenario, over, 100, undefined), [{ got: 1 / 3 }, { got: 2 / 3 }]);
  const policy = await guarantees(LANES);
  assert.deepEqual(sharesOf(scenario, over, 500, policy), [{ got: 1 / 3 }, { got: 2 / 3 }]);
  const seats = LANES.replace("40%", "4");
  assert.equal(sharesOf(scenario, over, 100, await guarantees(seats))[0]!.due, undefined);
  assert.equal(
    sharesOf(scenario, over, 100, await guarantees(`${seats}resources: { db: { limit: 8 } }`))[0]!.due,
    1,
  );
  const nothing = [new LaneTally([2_000]), new LaneTally([2_000])];
  assert.deepEqual(sharesOf(scenario, nothing, 100, policy), [{ got: 0 }, { got: 0 }]);
});

test("entries that claim one lane share what it is owed, as they ask for it", async () => {
  const scenario = scenarioOf("{ name: top }", "{ name: quiet, lane: low }", "{ name: noisy, lane: low }");
  const tallies = [tallyOf([0, 0], [20, 20]), tallyOf([0, 0], [60, 20]), tallyOf([0, 0], [180, 60])];
  const [, quiet, noisy] = sharesOf(scenario, tallies, 100, await guarantees(LANES));
  assert.deepEqual([quiet!.due, noisy!.due], [0.2, 0.6]);
});
