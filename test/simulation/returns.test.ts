import assert from "node:assert/strict";
import { test } from "node:test";
import { apart } from "./apart.ts";
import { READINGS, SETTINGS, returns } from "./returns.ts";
import type { Reading } from "./returns.ts";

const MODULE = import.meta.resolve("./returns.ts");
const SEEDS = [1, 2];
const ADMITTED = 0.8;
const LATE = 1.5;

for (const setting of Object.keys(SETTINGS))
  for (const reading of Object.keys(READINGS) as Reading[])
    for (const seed of SEEDS)
      test(`whoever obeys retry-after is let in and not sent away for too long: ${setting}, read as ${reading} (seed ${seed})`, async () => {
        const { refused, admittedFirst, late } = await apart(MODULE, returns, {
          policy: "laneway",
          setting,
          reading,
          seed,
        });
        assert.ok(refused > 500, `only ${refused} were refused: this proves nothing`);
        assert.ok(
          admittedFirst >= ADMITTED,
          `only ${(admittedFirst * 100).toFixed(1)} % admitted on their first return`,
        );
        assert.ok(late <= LATE, `came back ${late.toFixed(2)} times as late as they could have`);
      });

test("ten seconds for everybody sends them back all at once, and most are refused again", async () => {
  const input = {
    policy: "staticRetryAfter",
    setting: "a short queue",
    reading: "whole seconds",
    seed: 1,
  } as const;
  const { admittedFirst } = await apart(MODULE, returns, input);
  assert.ok(admittedFirst < ADMITTED, `${(admittedFirst * 100).toFixed(1)} % admitted: this proves nothing`);
});
