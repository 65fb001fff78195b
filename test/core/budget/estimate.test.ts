/** A cost may be an estimate that learns while its task waits. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { left, spend, twoLanes } from "./two-lanes.ts";

test("a task that waits is charged what its estimate says at its turn, not at its submission", async () => {
  const made = twoLanes({ inputTokens: 6_000 });
  spend(made, 6_000);
  let guess = 6_000;
  void made.trace.submit("guessed", 0, { cost: () => ({ inputTokens: guess }) });
  await made.clock.advance(1_000);
  guess = 600;
  await made.clock.advance(5_000);
  assert.deepEqual(made.trace.started, []);
  // Whoever comes next has the queue looked at: 600 are there after six seconds.
  void made.trace.submit("next", 0, { cost: { inputTokens: 6_000 } });
  await made.clock.advance(0);
  assert.deepEqual(made.trace.started, ["guessed"]);
  assert.equal(left(made), 0);
});

test("an estimate that fails while its task waits leaves what it said before", async () => {
  const made = twoLanes({ inputTokens: 6_000 });
  spend(made, 6_000);
  let asked = 0;
  const cost = (): { inputTokens: number } => {
    if (asked++ > 1) throw new Error("no idea");
    return { inputTokens: 600 };
  };
  void made.trace.submit("guessed", 0, { cost });
  await made.clock.advance(6_000);
  assert.deepEqual(made.trace.started, ["guessed"]);
  assert.equal(left(made), 0);
});

test("an estimate that is wrong from the beginning is refused", async () => {
  const made = twoLanes({ inputTokens: 6_000 });
  const cost = (): { inputTokens: number } => ({ inputTokens: Number.NaN });
  assert.throws(() => made.resource.tryAcquire({ cost }), { code: "LANEWAY_INVALID" });
});
