import assert from "node:assert/strict";
import { test } from "node:test";
import { coreSteps } from "./steps.ts";

const FLAT = 1.5;

test("an admission and a release take the same steps whether a thousand or a hundred thousand wait", async () => {
  const counted: number[] = [];
  for (const waiting of [1_000, 10_000, 100_000]) counted.push(await coreSteps(waiting));
  const grown = Math.max(...counted) / Math.min(...counted);
  assert.ok(
    Math.min(...counted) > 100,
    `counted only ${Math.min(...counted)} steps: the core was not counted`,
  );
  assert.ok(
    grown <= FLAT,
    `${counted.map(Math.round).join(", ")} steps with 1,000, 10,000 and 100,000 waiting`,
  );
});
