import assert from "node:assert/strict";
import { test } from "node:test";
import { apart } from "./apart.ts";
import { overload } from "./overload.ts";

const MODULE = import.meta.resolve("./overload.ts");
const SEED = 1;
const TIMES = [2, 5, 10];
const LEAST = 0.95;

for (const times of TIMES)
  test(`at ${times} times the capacity no work is wasted: goodput of 95 % of what can be done (seed ${SEED})`, async () => {
    const { goodput } = await apart(MODULE, overload, { policy: "laneway", times, seed: SEED });
    assert.ok(goodput >= LEAST, `only ${(goodput * 100).toFixed(1)} %`);
  });

for (const times of TIMES)
  test(`at ${times} times the capacity first in, first out serves those who have left`, async () => {
    const { goodput } = await apart(MODULE, overload, { policy: "firstInFirstOut", times, seed: SEED });
    assert.ok(goodput < 0.5, `still ${(goodput * 100).toFixed(1)} %: this proves nothing`);
  });
