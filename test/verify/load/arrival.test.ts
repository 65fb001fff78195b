import assert from "node:assert/strict";
import { test } from "node:test";
import { dueInstants } from "../../../src/verify/load/arrival.ts";
import { seededRandom } from "../../../src/verify/load/random.ts";

const MINUTE = { fromMs: 0, untilMs: 60_000 };

function gaps(instants: Float64Array): number[] {
  return [...instants.subarray(1)].map((at, index) => at - instants[index]!);
}

test("the same seed gives the same instants, another seed gives others", () => {
  const arrival = { kind: "poisson", perSecond: 50, ...MINUTE } as const;
  assert.deepEqual(dueInstants(arrival, 1), dueInstants(arrival, 1));
  assert.notDeepEqual(dueInstants(arrival, 1), dueInstants(arrival, 2));
});

test("a burst is due all at once", () => {
  assert.deepEqual([...dueInstants({ kind: "burst", count: 3, atMs: 2_000 }, 1)], [2_000, 2_000, 2_000]);
});

test("a steady stream is due at even distances, from its start to before its end", () => {
  const instants = dueInstants({ kind: "steady", perSecond: 4, fromMs: 1_000, untilMs: 2_000 }, 1);
  assert.deepEqual([...instants], [1_000, 1_250, 1_500, 1_750]);
});

test("Poisson arrivals have their mean rate, and gaps as often above the mean as an exponential has", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const instants = dueInstants({ kind: "poisson", perSecond: 100, ...MINUTE }, seed);
    const above = gaps(instants).filter((gap) => gap > 10).length / (instants.length - 1);
    // 6000 expected with a standard deviation of 77; the share above the mean is 1/e with one of 0.006.
    assert.ok(Math.abs(instants.length - 6_000) < 5 * 77, `seed ${seed}: ${instants.length} calls`);
    assert.ok(Math.abs(above - 1 / Math.E) < 5 * 0.0063, `seed ${seed}: ${above} of the gaps above the mean`);
  }
});

test("spaced calls are never nearer or further apart than asked", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const instants = dueInstants({ kind: "spaced", minMs: 200, maxMs: 300, ...MINUTE }, seed);
    const all = gaps(instants);
    assert.ok(Math.min(...all) >= 200 && Math.max(...all) < 300, `seed ${seed}`);
    assert.ok(instants[0]! < 300 && instants.at(-1)! >= 60_000 - 300, `seed ${seed}`);
  }
});

test("what cannot be sent is refused with the value", () => {
  assert.throws(() => dueInstants({ kind: "poisson", perSecond: 0, ...MINUTE }, 1), /perSecond.*got 0/);
  assert.throws(
    () => dueInstants({ kind: "poisson", perSecond: Number.NaN, ...MINUTE }, 1),
    /perSecond.*got NaN/,
  );
  assert.throws(() => dueInstants({ kind: "spaced", minMs: 0, maxMs: 1, ...MINUTE }, 1), /minMs.*got 0/);
  assert.throws(() => dueInstants({ kind: "burst", count: 1.5, atMs: 0 }, 1), /count.*got 1.5/);
});

test("seeded chance is even and stays below one", () => {
  const tenths = Array.from({ length: 10 }, () => 0);
  const random = seededRandom(12_345);
  for (let round = 0; round < 100_000; round++) tenths[Math.floor(random() * 10)]!++;
  for (const count of tenths) assert.ok(Math.abs(count - 10_000) < 500, tenths.join(" "));
});
