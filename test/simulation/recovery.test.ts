import assert from "node:assert/strict";
import { test } from "node:test";
import { apart } from "./apart.ts";
import { recovery } from "./recovery.ts";

const MODULE = import.meta.resolve("./recovery.ts");
/** The slow runs that began last take up to 15 s, and hold their seats; then the two seconds of a caller's patience. */
const SOON_MS = 17_000;

for (const load of [0.3, 0.7, 0.9])
  for (const seed of [1, 2])
    test(`a resource that was slow is found again as soon as its slow runs are over, at ${load * 100} % load (seed ${seed})`, async () => {
      const { servedBefore, servedWhileSlow, foundAfterMs } = await apart(MODULE, recovery, {
        policy: "laneway",
        load,
        seed,
      });
      assert.ok(servedBefore > 0.99, `served ${servedBefore} before`);
      assert.ok(servedWhileSlow < 0.05, `served ${servedWhileSlow} while it was slow: this proves nothing`);
      assert.ok(foundAfterMs <= SOON_MS, `found after ${foundAfterMs} ms`);
    });

for (const policy of ["unfadingEstimate", "firstInFirstOut"] as const)
  test(`a resource that was slow is not found soon under ${policy}`, async () => {
    const { foundAfterMs } = await apart(MODULE, recovery, { policy, load: 0.7, seed: 1 });
    assert.ok(foundAfterMs > SOON_MS, `found after ${foundAfterMs} ms: this proves nothing`);
  });
