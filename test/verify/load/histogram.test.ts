import assert from "node:assert/strict";
import { test } from "node:test";
import { TimeHistogram } from "../../../src/verify/load/histogram.ts";

test("an empty histogram has only zeros", () => {
  assert.deepEqual(new TimeHistogram().spread(), { count: 0, p50: 0, p90: 0, p99: 0, max: 0, mean: 0 });
});

test("quantiles of times from a microsecond to minutes are right to three figures", () => {
  const histogram = new TimeHistogram();
  for (let ms = 1; ms <= 100_000; ms++) histogram.record(ms);
  const near = (found: number, expected: number): void =>
    assert.ok(Math.abs(found - expected) <= expected / 1_000, `${found}, expected ${expected}`);
  near(histogram.quantile(0.5), 50_000);
  near(histogram.quantile(0.99), 99_000);
  near(histogram.spread().max, 100_000);
});

test("a time of zero and one beyond the range are recorded at the ends", () => {
  const histogram = new TimeHistogram();
  histogram.record(0);
  histogram.record(1e12);
  assert.equal(histogram.count, 2);
  assert.ok(histogram.quantile(0.5) <= 0.001);
});
