import assert from "node:assert/strict";
import { test } from "node:test";
import { compared } from "../../bench/against.ts";

const NAMED = { question: "uncontended", what: "laneway", unit: "ns" };

test("slower is what the medians and the best rounds both say", () => {
  const judged = (before: number[], now: number[]): boolean => compared(NAMED, before, now).slower;
  assert.equal(judged([100, 104, 99], [130, 128, 131]), true);
  // One spoiled half: the best round was as good as ever.
  assert.equal(judged([100, 104, 99], [101, 128, 131]), false);
  assert.equal(judged([100, 104, 99], [108, 107, 109]), false);
  assert.equal(judged([130, 128, 131], [100, 104, 99]), false);
});
