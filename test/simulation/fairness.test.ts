/** Fair inside a lane: closed-loop flows against an independent max-min solver. A first-in-first-out queue fails each. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { apart } from "./apart.ts";
import { FAIRNESS_SCENARIOS } from "./fairness-scenarios.ts";
import { fairness } from "./fairness.ts";

const MODULE = import.meta.resolve("./fairness.ts");
const SEED = 1;
const ERROR_MAX = { equal: 0.01, mixed: 0.05 };

for (const { name, tasks } of FAIRNESS_SCENARIOS) {
  const most = ERROR_MAX[tasks];
  test(`each flow has its max-min share within ${most * 100} %: ${name} (seed ${SEED})`, async () => {
    const { error, worst, used } = await apart(MODULE, fairness, { name, policy: "laneway", seed: SEED });
    assert.ok(error <= most, `${worst} is off by ${percent(error)}`);
    assert.ok(used >= 0.95, `only ${percent(used)} of the seats that could be used were`);
  });

  test(`first in, first out is not fair: ${name}`, async () => {
    const { error } = await apart(MODULE, fairness, {
      name,
      policy: "firstInFirstOut",
      seed: SEED,
      part: 0.25,
    });
    assert.ok(error > most, `off by only ${percent(error)}: this scenario proves nothing`);
  });
}

function percent(part: number): string {
  return `${(part * 100).toFixed(2)} %`;
}
