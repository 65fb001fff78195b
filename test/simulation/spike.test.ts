import assert from "node:assert/strict";
import { test } from "node:test";
import { apart } from "./apart.ts";
import { RUNS, SEATS, spike } from "./spike.ts";
import type { Lengths } from "./spike.ts";

const MODULE = import.meta.resolve("./spike.ts");
const SEED = 1;
const SERVED = 0.999;
const SLOWER = 1.2;

for (const seats of Object.keys(SEATS))
  for (const runs of Object.keys(RUNS) as Lengths[])
    test(`a spike of twelve times in the lowest lane leaves critical as it was: ${seats}, ${runs} runs (seed ${SEED})`, async () => {
      const { served, p99, unloadedP99 } = await apart(MODULE, spike, {
        policy: "laneway",
        runs,
        seats,
        seed: SEED,
      });
      assert.ok(served >= SERVED, `served ${(served * 100).toFixed(2)} %`);
      assert.ok(
        p99 <= SLOWER * unloadedP99,
        `p99 ${p99.toFixed(0)} ms against ${unloadedP99.toFixed(0)} ms unloaded`,
      );
    });

for (const policy of ["firstInFirstOut", "agingWithoutBudget"] as const)
  test(`a spike of twelve times in the lowest lane ruins critical under ${policy}`, async () => {
    const { p99, unloadedP99 } = await apart(MODULE, spike, {
      policy,
      runs: "exponential",
      seats: "twenty seats",
      seed: SEED,
    });
    assert.ok(p99 > 10 * unloadedP99, `p99 only ${p99.toFixed(0)} ms against ${unloadedP99.toFixed(0)} ms`);
  });
