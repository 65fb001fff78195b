import assert from "node:assert/strict";
import { test } from "node:test";
import { BULK, aging } from "./aging.ts";
import type { Aged, BulkTasks } from "./aging.ts";
import { apart } from "./apart.ts";
import type { PolicyName } from "./policies.ts";

const SEED = 1;
const BUDGET = 0.05;

function played(policy: PolicyName, bulk: BulkTasks, budget: number): Promise<Aged> {
  return apart(import.meta.resolve("./aging.ts"), aging, { policy, bulk, budget, seed: SEED });
}

/** A lane that starts nothing for a tenth of the run stands still. */
function standStill({ started }: Aged): string[] {
  return Object.keys(started).filter((lane) => started[lane]!.slice(1).includes(0));
}

for (const bulk of Object.keys(BULK) as BulkTasks[])
  test(`at 2.6 times the capacity every lane moves, out of 5 % of the seat-time, and critical does not notice: bulk tasks ${bulk} (seed ${SEED})`, async () => {
    const [aged, without] = await Promise.all([played("laneway", bulk, BUDGET), played("laneway", bulk, 0)]);
    assert.deepEqual(standStill(aged), [], "lanes that stood still");
    assert.ok(aged.agedPart <= BUDGET, `${(aged.agedPart * 100).toFixed(2)} % of the seat-time`);
    assert.ok(
      aged.agedPart > 0.8 * BUDGET,
      `only ${(aged.agedPart * 100).toFixed(2)} % of the seat-time: the budget is not spent`,
    );
    assert.equal(aged.criticalServed, without.criticalServed, "critical's success changed");
    assert.equal(aged.criticalServed, 1);
    assert.ok(
      aged.criticalP99 <= 1.2 * without.criticalP99,
      `p99 wait ${aged.criticalP99} ms, ${without.criticalP99} ms without aging`,
    );
  });

test("without aging the lowest lane stands still", async () => {
  assert.deepEqual(standStill(await played("laneway", "as short as the others", 0)), ["bulk"]);
});

test("strict priority without reservations starves every lane but the first two", async () => {
  assert.deepEqual(standStill(await played("strictPriority", "as short as the others", BUDGET)), [
    "normal",
    "low",
    "bulk",
  ]);
});

test("aging without a budget drives critical to nothing", async () => {
  const { criticalServed } = await played("agingWithoutBudget", "as short as the others", BUDGET);
  assert.ok(criticalServed < 0.5, `still served ${criticalServed}`);
});

test("a budget of half of the seat-time is spent and seen", async () => {
  const { agedPart } = await played("laneway", "as short as the others", 0.5);
  assert.ok(agedPart > 0.3, `only ${(agedPart * 100).toFixed(2)} % of the seat-time`);
});
