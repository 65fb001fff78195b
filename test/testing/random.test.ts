import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "../../src/testing/index.ts";

const MANY = 20_000;

test("the same seed gives the same numbers, another seed others", () => {
  const draw = (seed: number): number[] => {
    const random = seeded(seed);
    return Array.from({ length: 5 }, () => random.next());
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
  assert.equal(seeded(7).seed, 7);
});

test("numbers are from 0 up to 1 and spread evenly", () => {
  const random = seeded(1);
  const tenths = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < MANY; i++) {
    const drawn = random.next();
    assert.ok(drawn >= 0 && drawn < 1);
    tenths[Math.floor(drawn * 10)]!++;
  }
  for (const count of tenths) assert.ok(Math.abs(count - MANY / 10) < MANY / 100, tenths.join(" "));
});

test("whole numbers reach both ends, picks reach every item", () => {
  const random = seeded(2);
  const drawn = new Set(Array.from({ length: 1_000 }, () => random.whole(3, 6)));
  assert.deepEqual(
    [...drawn].sort((a, b) => a - b),
    [3, 4, 5, 6],
  );
  const picked = new Set(Array.from({ length: 1_000 }, () => random.pick(["a", "b", "c"])));
  assert.deepEqual([...picked].sort(), ["a", "b", "c"]);
});

test("exponential gaps have the mean asked for, and as much deviation", () => {
  const random = seeded(3);
  const gaps = Array.from({ length: MANY }, () => random.exponential(200));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / MANY;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / MANY);
  assert.ok(gaps.every((gap) => gap >= 0 && Number.isFinite(gap)));
  assert.ok(Math.abs(mean - 200) < 6, `mean ${mean}`);
  assert.ok(Math.abs(deviation - 200) < 10, `deviation ${deviation}`);
});
