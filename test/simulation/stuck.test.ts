import assert from "node:assert/strict";
import { test } from "node:test";
import { stuck } from "./stuck.ts";

for (const seed of [1, 2, 3])
  test(`half a second in which nobody starts is no reason to refuse who has half a minute (seed ${seed})`, async () => {
    const { came, predictedTooLate, longestWaitMs } = await stuck({ policy: "laneway", seed });
    assert.ok(came > 3_000, `only ${came} came`);
    assert.equal(predictedTooLate, 0);
    assert.ok(longestWaitMs < 10_000, `one waited ${longestWaitMs} ms`);
  });
