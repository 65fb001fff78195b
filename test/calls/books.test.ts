import assert from "node:assert/strict";
import { test } from "node:test";
import { chargesBeforehand, explainedByOthers, lowered } from "../../src/calls/books.ts";
import type { Levels } from "../../src/calls/books.ts";
import type { RateLimits } from "../../src/providers/provider.ts";

const SIZE: Levels = { requests: 60, inputTokens: 60_000, outputTokens: 60_000 };
const FULL: Levels = { ...SIZE };

function theirs(left: RateLimits["left"], resetMs: RateLimits["resetMs"] = {}): RateLimits {
  return { left, limit: {}, resetMs };
}

test("books that agree within the rounding of thousands are left alone, in both directions", () => {
  assert.equal(lowered({ ...FULL, inputTokens: 41_400 }, SIZE, theirs({ inputTokens: 41_000 })), undefined);
  assert.equal(lowered({ ...FULL, inputTokens: 41_999 }, SIZE, theirs({ inputTokens: 41_000 })), undefined);
  assert.equal(lowered({ ...FULL, inputTokens: 41_000 }, SIZE, theirs({ inputTokens: 41_900 })), undefined);
});

test("an upstream that knows of more use lowers our books to its own", () => {
  assert.deepEqual(lowered(FULL, SIZE, theirs({ inputTokens: 12_000 }, { inputTokens: 48_000 })), {
    inputTokens: 12_000,
  });
  assert.deepEqual(lowered(FULL, SIZE, theirs({ requests: 10, outputTokens: 0 })), {
    requests: 10,
    outputTokens: 0,
  });
});

test("an upstream that says that more is left raises nothing: it has not seen the calls under way", () => {
  const ours = { requests: 1, inputTokens: 500, outputTokens: 0 };
  const more = theirs({ requests: 60, inputTokens: 60_000, outputTokens: 60_000 });
  assert.equal(lowered(ours, SIZE, more), undefined);
});

test("a wrong value stalls nobody for longer than its own reset: our refill brings all back until then", () => {
  // All back in 5 s, it says, so at least what 5 s and the second of rounding do not refill is there now.
  const wrong = theirs({ inputTokens: 0 }, { inputTokens: 5_000 });
  assert.deepEqual(lowered(FULL, SIZE, wrong), { inputTokens: 54_000 });
  // Said again and again, it lowers no further.
  assert.equal(lowered({ ...FULL, inputTokens: 54_000 }, SIZE, wrong), undefined);
  assert.equal(lowered(FULL, SIZE, theirs({ inputTokens: 0 }, { inputTokens: 0 })), undefined);
});

test("a reset further off than a minute lowers to what is left, and no lower than zero", () => {
  assert.deepEqual(lowered(FULL, SIZE, theirs({ inputTokens: 3_000 }, { inputTokens: 600_000 })), {
    inputTokens: 3_000,
  });
  assert.deepEqual(lowered(FULL, SIZE, theirs({ requests: -5 }, { requests: 600_000 })), { requests: 0 });
});

test("an upstream whose limit is lower than ours is believed as far as that limit", () => {
  const small: RateLimits = {
    left: { inputTokens: 1_000 },
    limit: { inputTokens: 30_000 },
    resetMs: { inputTokens: 58_000 },
  };
  assert.deepEqual(lowered(FULL, SIZE, small), { inputTokens: 1_000 });
  // Back to its 30,000 in 9 s: our refill of 1,000 a second makes up for 10,000 of them.
  const soon: RateLimits = { ...small, resetMs: { inputTokens: 9_000 } };
  assert.deepEqual(lowered(FULL, SIZE, soon), { inputTokens: 20_000 });
});

test("what calls that run have still to write is taken off, where the upstream's books do not hold it", () => {
  const shown = theirs(
    { outputTokens: 30_000, inputTokens: 30_000 },
    { outputTokens: 30_000, inputTokens: 30_000 },
  );
  assert.deepEqual(
    lowered(FULL, SIZE, shown, (left) => left - 40_000),
    {
      inputTokens: 30_000,
      outputTokens: -10_000,
    },
  );
});

test("a kind without a budget has no books to be put right", () => {
  const unlimited: Levels = { requests: 60, inputTokens: Infinity, outputTokens: Infinity };
  assert.equal(lowered(unlimited, unlimited, theirs({ inputTokens: 0, outputTokens: 0 })), undefined);
});

test("an upstream that reserves max_tokens shows by an output gap that rounding cannot make", () => {
  const ours = { ...FULL, outputTokens: 50_000 };
  assert.equal(chargesBeforehand(ours, SIZE, theirs({ outputTokens: 48_500 })), false);
  assert.equal(chargesBeforehand(ours, SIZE, theirs({ outputTokens: 48_000 })), true);
  assert.equal(chargesBeforehand(ours, SIZE, theirs({})), false);
  const unlimited = { ...SIZE, outputTokens: Infinity };
  assert.equal(chargesBeforehand(unlimited, unlimited, theirs({ outputTokens: 0 })), false);
  const small: RateLimits = { left: { outputTokens: 30_000 }, limit: { outputTokens: 30_000 }, resetMs: {} };
  assert.equal(chargesBeforehand(ours, SIZE, small), false);
});

test("a 429 for requests or input is not taken for one of output", () => {
  assert.equal(explainedByOthers(undefined), false);
  assert.equal(explainedByOthers(theirs({ requests: 0, outputTokens: 20_000 })), true);
  assert.equal(explainedByOthers(theirs({ inputTokens: 0, outputTokens: 20_000 })), true);
  assert.equal(explainedByOthers(theirs({ inputTokens: 0, outputTokens: 0 })), false);
  assert.equal(explainedByOthers(theirs({ inputTokens: 9_000, outputTokens: 20_000 })), false);
});
