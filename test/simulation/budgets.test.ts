/** Promise 15 over minutes: nothing upstream would refuse, and nearly all of the budget used. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cost } from "../../src/core/options.ts";
import { apart } from "./apart.ts";
import { fiveMinutes } from "./budgets.ts";
import type { Load, Outcome } from "./budgets.ts";

const FIVE = ["critical", "high", "normal", "low", "bulk"];
const ESTIMATES = ["exact", "high", "rough"] as const;
const SEEDS = [11, 12, 13, 14];
const BUDGETS: readonly Cost[] = [
  { requests: 60 },
  { requests: 200, inputTokens: 100_000, outputTokens: 40_000 },
  { requests: 4_000, inputTokens: 400_000, outputTokens: 80_000 },
];
/** Of the default lanes only critical has a floor: half of its 40 %. Once full it stays, for critical alone. */
const FLOORS = 0.2;
const LEAST_USED = 0.95;

function played(load: Load): Promise<Outcome> {
  return apart(import.meta.resolve("./budgets.ts"), fiveMinutes, load);
}

for (const estimates of ESTIMATES)
  test(`five minutes of overload in all lanes, estimates ${estimates}: no 429, and 95 % of the tightest budget used`, async () => {
    for (const budgets of BUDGETS)
      for (const seed of SEEDS) {
        const found = await played({ seed, lanes: FIVE, budgets, overload: 2, estimates });
        const where = `seed ${seed}, ${JSON.stringify(budgets)}`;
        assert.equal(found.refusedUpstream, 0, where);
        assert.ok(found.usedPart >= LEAST_USED, `${where}: ${found.usedPart} used`);
      }
  });

test("the lowest lane alone uses what the floors of the others leave, and no more than that", async () => {
  for (const budgets of BUDGETS)
    for (const seed of SEEDS) {
      const found = await played({ seed, lanes: ["bulk"], budgets, overload: 2, estimates: "exact" });
      const where = `seed ${seed}, ${JSON.stringify(budgets)}`;
      assert.equal(found.refusedUpstream, 0, where);
      // Six bucketfuls in five minutes, less the floors once.
      assert.ok(found.usedPart * 6 >= LEAST_USED * (6 - FLOORS), `${where}: ${found.usedPart} used`);
      assert.ok(
        found.usedPart * 6 <= 6 - FLOORS + 0.001,
        `${where}: ${found.usedPart} used, floors included`,
      );
    }
});

test("a lower lane gets nothing of a budget that a higher one waits for, but what aging allows it", async () => {
  for (const seed of SEEDS) {
    const load = {
      seed,
      lanes: ["critical", "critical", "critical", "bulk"],
      budgets: { requests: 300 },
      overload: 3,
      estimates: "exact",
    } as const;
    const without = await played({ ...load, options: { aging: false } });
    const aged = await played({ ...load, options: { aging: { afterMs: 10_000, budget: 0.05 } } });
    assert.equal(without.refusedUpstream + aged.refusedUpstream, 0, `seed ${seed}`);
    // Before anybody waited a quarter of all tasks were its own: of the first bucketful and what refilled it meanwhile.
    const { bulk = 0 } = without.startedIn;
    assert.ok(bulk <= (300 * (1 + 1 / 2)) / 4, `seed ${seed}: ${bulk} started without aging`);
    const more = ((aged.startedIn["bulk"] ?? 0) - bulk) / (5 * 300);
    assert.ok(more > 0.03 && more < 0.06, `seed ${seed}: aging gave ${more} of the refill`);
  }
});

test("requests that are on their way for unequal times meet no 429, with a spread as long as they may take", async () => {
  // In one lane that keeps nothing back, and without an estimate that is too low: that nobody could know in time.
  const load = { lanes: ["critical"], overload: 2, wayMs: 200 } as const;
  let without = 0;
  for (const budgets of BUDGETS)
    for (const estimates of ["exact", "high"] as const)
      for (const seed of SEEDS) {
        const where = `seed ${seed}, estimates ${estimates}, ${JSON.stringify(budgets)}`;
        const spread = await played({
          ...load,
          seed,
          estimates,
          budgets: { ...budgets, spreadMs: 200 },
        });
        assert.equal(spread.refusedUpstream, 0, where);
        assert.ok(spread.usedPart >= LEAST_USED, `${where}: ${spread.usedPart} used`);
        without += (await played({ ...load, seed, estimates, budgets })).refusedUpstream;
      }
  assert.ok(without > 0, "without a spread some meet one, or this shows nothing");
});
