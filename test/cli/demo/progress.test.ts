import assert from "node:assert/strict";
import { test } from "node:test";
import { chatWaits, newSide, waitQuantile } from "../../../src/cli/demo/progress.ts";
import { demoScenario } from "../../../src/cli/demo/scenario.ts";
import { served } from "./samples.ts";

const SCENARIO = demoScenario(30, 7);
const DUE = Float64Array.from([0, 1_000, 2_000, 3_000, 4_000]);

test("an unanswered message counts as waiting at least its age, one not yet due not at all", () => {
  const side = newSide("off", SCENARIO);
  side.chat.set(0, served(0, 5));
  const waits = chatWaits(side, DUE, 3_100);
  assert.deepEqual(waits, [
    { dueMs: 0, waitMs: 5, atLeast: false },
    { dueMs: 1_000, waitMs: 1_900, atLeast: true },
    { dueMs: 2_000, waitMs: 900, atLeast: true },
  ]);
});

test("a message that was refused counts with all the time it took", () => {
  const side = newSide("on", SCENARIO);
  side.chat.set(0, {
    dueMs: 0,
    latencyMs: 740,
    outcome: "refused",
    status: 429,
    waitMs: undefined,
    lane: undefined,
  });
  assert.deepEqual(chatWaits(side, DUE, 100), [{ dueMs: 0, waitMs: 740, atLeast: false }]);
});

test("a quantile is a wait that occurred: the median of an even number is the lower one, p99 of few the largest", () => {
  const waits = [4, 1, 3, 2].map((waitMs) => ({ dueMs: 0, waitMs, atLeast: false }));
  assert.equal(waitQuantile(waits, 0.5)?.waitMs, 2);
  assert.equal(waitQuantile(waits, 0.99)?.waitMs, 4);
  assert.equal(waitQuantile([], 0.5), undefined);
});
