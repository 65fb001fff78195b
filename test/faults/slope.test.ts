import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeHeap, slopeOf } from "../../scripts/soak/slope.ts";
import type { Reading } from "../../scripts/soak/slope.ts";
import { seeded } from "../../src/testing/random.ts";

const HEAP_BYTES = 20_000_000;

/** Sixty readings that grow by so much for each unit of work, with noise around them. */
function readings(perUnit: number, noiseBytes: number, seed = 1): Reading[] {
  const random = seeded(seed);
  return Array.from({ length: 60 }, (_, index) => {
    const x = index * 1_000;
    return { x, y: HEAP_BYTES + perUnit * x + (random.next() - 0.5) * noiseBytes };
  });
}

test("the slope of a line is found exactly, and its bounds are the slope", () => {
  const slope = slopeOf([0, 1, 2, 3, 4, 5, 6].map((x) => ({ x, y: 10 + 3 * x })))!;
  assert.deepEqual([slope.perUnit, slope.low, slope.high, slope.mean, slope.span], [3, 3, 3, 19, 6]);
});

test("the bounds hold the true slope in about 95 of 100 cases", () => {
  let held = 0;
  for (let seed = 0; seed < 400; seed++) {
    const { low, high } = slopeOf(readings(50, 400_000, seed))!;
    if (low <= 50 && 50 <= high) held++;
  }
  assert.ok(held > 400 * 0.92 && held < 400 * 0.98, `${held} of 400`);
});

test("fewer than six readings, or all at one place, say nothing", () => {
  assert.equal(slopeOf([0, 1, 2, 3, 4].map((x) => ({ x, y: x }))), undefined);
  assert.equal(slopeOf(Array.from({ length: 9 }, (_, y) => ({ x: 1, y }))), undefined);
  assert.equal(judgeHeap([]).isGrowth, false);
});

test("forty bytes a unit are growth, noise around nothing is not, nor is a heap that only fills up at first", () => {
  assert.equal(judgeHeap(readings(40, 100_000)).isGrowth, true);
  for (let seed = 0; seed < 200; seed++)
    assert.equal(judgeHeap(readings(0, 2_000_000, seed)).isGrowth, false);
  const filling = readings(0, 10_000).map(({ x, y }) => ({ x, y: y + Math.min(x, 15_000) * 400 }));
  assert.equal(judgeHeap(filling).isGrowth, false);
});
