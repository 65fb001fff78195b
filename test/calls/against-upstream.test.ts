import assert from "node:assert/strict";
import { test } from "node:test";
import { tryBudgets } from "./against-upstream.ts";
import type { Trial } from "./against-upstream.ts";

const SEED = Number(process.env["LANEWAY_TEST_SEED"] ?? 20_261);

const TRIAL: Trial = {
  seed: SEED,
  minutes: 5,
  outputCharge: "max-tokens",
  limits: { requests: 4_000, inputTokens: 4_000_000, outputTokens: 80_000 },
  lanes: ["chat", "batch"],
  maxTokens: 1_024,
  bytesPerToken: 3.3,
  msPerToken: 20,
  stream: true,
};

const TIGHTEST = {
  outputTokens: TRIAL.limits,
  inputTokens: { ...TRIAL.limits, inputTokens: 400_000, outputTokens: 800_000 },
  requests: { ...TRIAL.limits, requests: 300, outputTokens: 800_000 },
} as const;

for (const outputCharge of ["max-tokens", "actual"] as const)
  for (const [kind, limits] of Object.entries(TIGHTEST))
    for (const stream of [true, false])
      test(`five minutes of overload: no 429, and the ${kind} used up (${outputCharge}, ${stream ? "streams" : "whole replies"})`, async () => {
        const outcome = await tryBudgets({ ...TRIAL, outputCharge, limits, stream });
        const shown = `seed ${SEED}: ${JSON.stringify(outcome)}`;
        assert.equal(outcome.refusedEarly + outcome.refused, 0, shown);
        assert.ok(outcome.usedParts[kind as keyof typeof TIGHTEST] >= 0.95, shown);
      });

test("a bound on the output four times as high costs no 429, whatever of it the upstream reserves", async () => {
  for (const outputCharge of ["max-tokens", "actual"] as const) {
    const outcome = await tryBudgets({ ...TRIAL, outputCharge, maxTokens: 4_096 });
    const shown = `seed ${SEED}, ${outputCharge}: ${JSON.stringify(outcome)}`;
    assert.equal(outcome.refusedEarly + outcome.refused, 0, shown);
    assert.ok(outcome.usedParts.outputTokens >= 0.95, shown);
  }
});
