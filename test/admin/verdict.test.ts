import assert from "node:assert/strict";
import { test } from "node:test";
import { time, verdictOf } from "../../src/admin/verdict.ts";
import type { Standing } from "../../src/admin/verdict.ts";

function standing(lane: string, more: Partial<Standing> = {}): Standing {
  return {
    resource: "http",
    lane,
    waiting: 0,
    waitP99Ms: 0,
    objectiveMs: 100,
    perMinute: 0,
    got: 1,
    due: 1,
    ...more,
  };
}

test("it says who yields and until when, while every lane is within its objective", () => {
  assert.deepEqual(verdictOf([standing("critical"), standing("bulk")], false), {
    level: "ok",
    text: "All lanes are within their objectives. Nobody waits.",
  });
  const bulk = standing("bulk", { waiting: 860, perMinute: 100, waitP99Ms: 90 });
  assert.deepEqual(verdictOf([standing("critical"), bulk], false), {
    level: "yielding",
    text: "All lanes are within their objectives. bulk yields: 860 wait, clear in about 9 min.",
  });
  assert.match(verdictOf([standing("critical"), { ...bulk, perMinute: 0 }], false).text, /860 wait\.$/);
});

test("it names the most important lane that misses its objective, and whether others have its seats", () => {
  const critical = standing("critical", { waitP99Ms: 340, got: 1, due: 3 });
  const bulk = standing("bulk", { waitP99Ms: 5_000 });
  assert.deepEqual(verdictOf([critical, bulk], true), {
    level: "missed",
    text: "critical on http waits 340 ms at p99, its objective is 100 ms (and 1 more): it holds 1 of 3 seats due.",
  });
  assert.match(
    verdictOf([{ ...critical, got: 3 }], false).text,
    /^critical waits 340 ms at p99.*: it holds all seats that it is due\.$/,
  );
});

test("a lane that is paused is said to be so: no time and no share tells when its turn comes", () => {
  const bulk = standing("bulk", { waiting: 20, perMinute: 100, paused: true });
  assert.deepEqual(verdictOf([standing("critical"), bulk], false), {
    level: "yielding",
    text: "All lanes are within their objectives. bulk is paused: 20 wait until it is opened.",
  });
  assert.match(verdictOf([{ ...bulk, waitP99Ms: 5_000, got: 0 }], false).text, /: it is paused\.$/);
});

test("without a resource it says what to do, and times are read at a glance", () => {
  assert.match(verdictOf([], false).text, /add one to the policy/);
  assert.deepEqual([0.4, 999, 1_000, 9_940, 61_000, 600_000].map(time), [
    "0 ms",
    "999 ms",
    "1.0 s",
    "9.9 s",
    "61 s",
    "10 min",
  ]);
});
