import assert from "node:assert/strict";
import { test } from "node:test";
import { TimeCounts } from "../../../src/verify/load/time-counts.ts";

test("quantiles from a microsecond to an hour are within the precision that was asked for", () => {
  for (const [bits, within] of [
    [7, 0.004],
    [5, 0.016],
  ] as const) {
    for (const scale of [0.001, 0.7, 13, 4_321, 3_600_000]) {
      const counts = new TimeCounts(bits);
      for (let n = 1; n <= 100; n++) counts.record((n * scale) / 100);
      for (const share of [0.01, 0.5, 0.9, 0.99, 1]) {
        const off = Math.abs(counts.quantile(share) - share * scale);
        assert.ok(off <= Math.max(0.001, share * scale * within), `${share} of ${scale}: off by ${off}`);
      }
    }
  }
});

test("count, mean and longest are exact; without times all is 0", () => {
  const counts = new TimeCounts();
  assert.deepEqual(counts.spread(), { count: 0, p50: 0, p90: 0, p99: 0, max: 0, mean: 0 });
  assert.deepEqual(counts.distribution([0.5]), []);
  for (const ms of [1.25, 2.5, 1_234.567]) counts.record(ms);
  const { count, mean, max } = counts.spread();
  assert.deepEqual([count, mean, max], [3, (1.25 + 2.5 + 1_234.567) / 3, 1_234.567]);
});

test("times below zero and beyond the range are at its ends", () => {
  const counts = new TimeCounts();
  counts.record(-5);
  counts.record(1e9);
  assert.equal(counts.quantile(0.5), 0);
  assert.ok(counts.quantile(1) > 4_200_000);
});

test("what two threads counted adds up to what one would have counted", () => {
  const [one, other, both] = [new TimeCounts(), new TimeCounts(), new TimeCounts()];
  for (let n = 1; n <= 1_000; n++) {
    const ms = 1.01 ** n;
    both.record(ms);
    (n % 3 === 0 ? one : other).record(ms);
  }
  const added = new TimeCounts();
  for (const part of [one, other]) added.add(structuredClone(part.data()));
  assert.deepEqual(
    { ...added.spread(), mean: Math.round(added.spread().mean) },
    { ...both.spread(), mean: Math.round(both.spread().mean) },
  );
  assert.throws(() => new TimeCounts(5).add(one.data()), /expected counts of 5 bits, found 7/);
});

test("the points of a distribution grow with their shares", () => {
  const counts = new TimeCounts();
  for (let n = 0; n < 500; n++) counts.record(n);
  const points = counts.distribution([0.1, 0.5, 0.9, 1]);
  assert.deepEqual(
    points.map(({ share }) => share),
    [0.1, 0.5, 0.9, 1],
  );
  for (const [at, { ms }] of points.entries()) assert.ok(at === 0 || ms > points[at - 1]!.ms);
});
