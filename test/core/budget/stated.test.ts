/** Whoever limits a budget may state another size than the options do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LONG, left, spend, twoLanes } from "./two-lanes.ts";

const MINUTE = 60_000;
const FLOORED = {
  limit: 10,
  lanes: [
    { name: "high", reservation: 4, lendable: 0, ...LONG },
    { name: "low", ...LONG },
  ],
};

test("a smaller size counts, and what lanes keep of the budget shrinks with it", async () => {
  const made = twoLanes({ inputTokens: 40_000 }, FLOORED);
  made.resource.budget().limit({ inputTokens: 4_000 });
  assert.equal(left(made), 4_000);
  // The floor of "high" was 16,000 of the size that the options give: more than there ever is.
  spend(made, 2_400);
  assert.equal(made.resource.tryAcquire({ lane: "low", cost: { inputTokens: 1 } }), undefined);
  await made.clock.advance(MINUTE);
  assert.equal(left(made), 4_000);
});

test("a larger one than the options give does not, and a size that grows again does", async () => {
  const made = twoLanes({ inputTokens: 40_000 }, FLOORED);
  made.resource.budget().limit({ inputTokens: 4_000 });
  made.resource.budget().limit({ inputTokens: 1e6 });
  await made.clock.advance(MINUTE);
  assert.equal(left(made), 40_000);
});

test("a kind that the options leave unlimited stays so, and one that is not named keeps its size", () => {
  const made = twoLanes({ inputTokens: 40_000 });
  made.resource.budget().limit({ requests: 3 });
  const { requests, inputTokens } = made.resource.budget().left;
  assert.deepEqual([requests, inputTokens], [Infinity, 40_000]);
});

test("a size is a number above zero", () => {
  const made = twoLanes({ inputTokens: 40_000 });
  assert.throws(() => made.resource.budget().limit({ inputTokens: 0 }), {
    code: "LANEWAY_INVALID",
    message: /budget "": limit: inputTokens: expected a number from/,
  });
});
