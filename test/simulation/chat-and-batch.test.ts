import assert from "node:assert/strict";
import { test } from "node:test";
import { apart } from "./apart.ts";
import { chatAndBatch } from "./chat-and-batch.ts";

const MODULE = import.meta.resolve("./chat-and-batch.ts");
const WAIT_MS = 50;

for (const seed of [1, 2, 3])
  test(`two who chat do not notice more than five hundred batch calls in front of them (seed ${seed})`, async () => {
    const { asked, p50, p99, batchServed } = await apart(MODULE, chatAndBatch, { policy: "laneway", seed });
    assert.ok(asked >= 10, `only ${asked} chat calls`);
    assert.ok(
      p50 < WAIT_MS && p99 < WAIT_MS,
      `waited ${p50} ms at the median, ${p99} ms at the 99th percentile`,
    );
    assert.equal(batchServed, 600);
  });

for (const policy of ["firstInFirstOut", "strictPriority"] as const)
  test(`they do under ${policy}`, async () => {
    const { p99 } = await apart(MODULE, chatAndBatch, { policy, seed: 1 });
    assert.ok(p99 >= WAIT_MS, `waited only ${p99} ms: this proves nothing`);
  });
