import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedMap } from "../../src/calls/bounded-map.ts";
import { ReturnCredit } from "../../src/calls/credit.ts";

test("what a refused call has waited is given to it once when it comes back, and to no other", () => {
  const credit = new ReturnCredit<string>();
  credit.refused("a", 5_000, 0);
  credit.refused("b", 0, 0);
  assert.deepEqual(
    ["b", "c", "a", "a"].map((key) => credit.take(key, 60_000)),
    [0, 0, 5_000, 0],
  );
});

test("a call that comes back after more than two minutes is a new one", () => {
  const credit = new ReturnCredit<string>();
  credit.refused("a", 5_000, 0);
  assert.equal(credit.take("a", 120_001), 0);
});

test("a bounded map forgets what was not asked for longest", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  assert.equal(map.get("a"), 1);
  assert.equal(
    map.of("c", () => 3),
    3,
  );
  assert.deepEqual([map.get("b"), map.get("a"), map.get("c"), map.size], [undefined, 1, 3, 2]);
  assert.equal(
    map.of("a", () => 9),
    1,
  );
  map.delete("a");
  assert.deepEqual([...map.keys()], ["c"]);
});
