import assert from "node:assert/strict";
import { test } from "node:test";
import { apart } from "./apart.ts";
import type { PolicyName } from "./policies.ts";
import { RUNS, SHARING, wide } from "./wide.ts";
import type { Lengths, Sharing, Wide } from "./wide.ts";

const SEED = 1;
const LIMITS = [4, 8, 20];
/** Aging comes first where narrow tasks of a higher lane always wait: 30 s are 300 runs. */
const BELOW = "in a lane of its own below the narrow ones";
const AGED_RUNS = 300;
/** In mean runs: the longest wait of a wide task, the longest time in which no narrow one starts. */
const BOUNDS = {
  exponential: { wait: 30, gap: 12, used: 0.85 },
  // A run that is a hundred times as long holds its seat, and nobody can shorten that.
  "seldom very long": { wait: 250, gap: 80, used: 0.5 },
};

function played(policy: PolicyName, sharing: Sharing, runs: Lengths, limit: number): Promise<Wide> {
  return apart(import.meta.resolve("./wide.ts"), wide, { policy, sharing, runs, limit, seed: SEED });
}

for (const sharing of Object.keys(SHARING) as Sharing[])
  for (const runs of Object.keys(RUNS) as Lengths[])
    for (const limit of LIMITS)
      test(`a task as wide as the limit neither starves nor blocks: ${sharing}, ${limit} seats, ${runs} runs (seed ${SEED})`, async () => {
        const { wideStarted, wideWait, narrowGap, used } = await played("laneway", sharing, runs, limit);
        const bounds = BOUNDS[runs];
        assert.ok(wideStarted > 3, `only ${wideStarted} wide tasks started`);
        const longest = bounds.wait + (sharing === BELOW ? AGED_RUNS : 0);
        assert.ok(
          wideWait <= longest,
          `a wide task waited for ${wideWait.toFixed(0)} mean runs, more than ${longest}`,
        );
        assert.ok(narrowGap <= bounds.gap, `no narrow task started for ${narrowGap.toFixed(0)} mean runs`);
        assert.ok(used >= bounds.used, `only ${(used * 100).toFixed(0)} % of the seats were used`);
      });

test("where whoever fits goes first, a wide task starves", async () => {
  const { wideStarted } = await played(
    "firstThatFits",
    "in a flow of its own beside the narrow ones",
    "exponential",
    8,
  );
  assert.equal(wideStarted, 0);
});

test("where nobody passes a wide task, one long run stops everybody for its whole length", async () => {
  const { narrowGap } = await played(
    "firstInFirstOut",
    "in a flow of its own beside the narrow ones",
    "seldom very long",
    8,
  );
  assert.ok(
    narrowGap > BOUNDS["seldom very long"].gap,
    `no narrow task started for only ${narrowGap.toFixed(0)} mean runs: this proves nothing`,
  );
});
