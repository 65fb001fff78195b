import assert from "node:assert/strict";
import { test } from "node:test";
import { apart } from "./apart.ts";
import { deadlines } from "./deadlines.ts";

const MODULE = import.meta.resolve("./deadlines.ts");

for (const seed of [1, 2, 3])
  test(`no task is started that ends after its deadline, when runs are constant (seed ${seed})`, async () => {
    const { started, late, used } = await apart(MODULE, deadlines, { policy: "laneway", seed });
    assert.ok(started > 4_000, `only ${started} started`);
    assert.equal(late, 0);
    assert.ok(used > 0.8, `only ${(used * 100).toFixed(1)} % of the seats did useful work`);
  });

test("a queue that only drops whose time is up starts many in vain", async () => {
  const { late } = await apart(MODULE, deadlines, { policy: "expiredOnly", seed: 1 });
  assert.ok(late > 100, `only ${late} were late: this proves nothing`);
});
