/** An adaptive limit beside the best of all fixed ones, on what breaks those that learn. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ALGORITHMS, bestFixed, compare } from "./limits/compare.ts";
import { SCENARIOS } from "./limits/scenarios.ts";

const SEED = 1;
const LEAST_RATIO = 0.85;
/** Of ten seconds: below that a limit has collapsed, even if it found its way back. */
const LEAST_IN_TEN_SECONDS = 0.5;

describe("within the objective, against the best fixed limit, an adaptive one serves", () => {
  for (const scenario of SCENARIOS)
    it(`enough when: ${scenario.name}`, () => {
      const { ratio, worst } = compare(scenario, ALGORITHMS["laneway"]!, bestFixed(scenario, SEED), SEED);
      assert.ok(ratio >= LEAST_RATIO, `${Math.round(ratio * 100)} % in all`);
      assert.ok(worst >= LEAST_IN_TEN_SECONDS, `${Math.round(worst * 100)} % in the worst ten seconds`);
    });
});
