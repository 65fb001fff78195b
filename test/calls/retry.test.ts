import assert from "node:assert/strict";
import { test } from "node:test";
import { RetryBudget, checkedRetry } from "../../src/calls/retry.ts";
import type { Verdict } from "../../src/providers/provider.ts";
import { isLanewayError } from "../../src/core/errors.ts";

const OVERLOADED: Verdict = { retry: true, afterMs: undefined, pause: undefined, reason: "overloaded" };

function budget(options: { attempts?: number; budget?: number; random?: number } = {}): {
  readonly retries: RetryBudget;
  advance(ms: number): void;
} {
  let now = 0;
  const retries = new RetryBudget({
    attempts: options.attempts ?? 100,
    budget: options.budget ?? 0.1,
    random: () => options.random ?? 1,
    now: () => now,
  });
  return { retries, advance: (ms) => (now += ms) };
}

/** Retries until the budget refuses. */
function retriesLeft(retries: RetryBudget, lane: string): number {
  let count = 0;
  while (retries.next(lane, 1, OVERLOADED) !== undefined) count++;
  return count;
}

test("a failed try waits 0.5 s at most, then twice as long each time, and never more than 8 s", () => {
  const { retries } = budget({ attempts: 10, budget: 1 });
  for (let call = 0; call < 100; call++) retries.started("chat");
  const waits = [1, 2, 3, 4, 5, 6, 7].map((attempt) => retries.next("chat", attempt, OVERLOADED));
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
});

test("the jitter is full: a try may be made again at once", () => {
  const { retries } = budget({ random: 0 });
  assert.equal(retries.next("chat", 3, OVERLOADED), 0);
});

test("no try is made before the upstream's retry-after, and callers that were told the same instant spread behind it", () => {
  const told = { ...OVERLOADED, afterMs: 12_000 };
  assert.equal(budget({ random: 0 }).retries.next("chat", 1, told), 12_000);
  assert.equal(budget({ random: 0.5 }).retries.next("chat", 1, told), 12_250);
});

test("all tries together are what `attempts` says", () => {
  const { retries } = budget({ attempts: 3 });
  assert.notEqual(retries.next("chat", 2, OVERLOADED), undefined);
  assert.equal(retries.next("chat", 3, OVERLOADED), undefined);
});

test("what must not be repeated is not, and an upstream that is out for longer than five minutes neither", () => {
  const { retries } = budget();
  assert.equal(retries.next("chat", 1, { ...OVERLOADED, retry: false }), undefined);
  assert.equal(retries.next("chat", 1, { ...OVERLOADED, afterMs: 300_001 }), undefined);
  assert.notEqual(retries.next("chat", 1, { ...OVERLOADED, afterMs: 300_000 }), undefined);
});

test("a quiet lane may retry ten times, a busy one a tenth of its calls more", () => {
  const { retries } = budget();
  assert.equal(retriesLeft(retries, "quiet"), 10);
  for (let call = 0; call < 200; call++) retries.started("busy");
  assert.equal(retriesLeft(retries, "busy"), 30);
});

test("one lane's failures leave the others their retries", () => {
  const { retries } = budget();
  retriesLeft(retries, "batch");
  assert.equal(retriesLeft(retries, "chat"), 10);
});

test("calm hours pay for no storm, and a storm is forgotten in a minute or two", () => {
  const { retries, advance } = budget();
  for (let call = 0; call < 10_000; call++) retries.started("chat");
  advance(10 * 60_000);
  assert.equal(retriesLeft(retries, "chat"), 10);
  assert.equal(retriesLeft(retries, "chat"), 0);
  advance(10 * 60_000);
  assert.equal(retriesLeft(retries, "chat"), 10);
});

test("in the long run a lane's retries are a tenth of its calls and a few", () => {
  const { retries, advance } = budget({ random: 0 });
  let made = 0;
  for (let second = 0; second < 600; second++) {
    for (let call = 0; call < 10; call++) {
      retries.started("batch");
      if (retries.next("batch", 1, OVERLOADED) !== undefined) made++;
    }
    advance(1_000);
  }
  // 6,000 calls all of which fail: 600 by the tenth, and ten each 30 s.
  assert.ok(made > 600 && made < 820, `${made} retries`);
});

test("what waits for a paused key or model is no storm, so the budget is not asked", () => {
  const { retries } = budget();
  retriesLeft(retries, "chat");
  assert.equal(retries.next("chat", 1, OVERLOADED), undefined);
  assert.notEqual(retries.next("chat", 1, { ...OVERLOADED, pause: "model" }), undefined);
});

test("attempts and budget out of range are refused by name", () => {
  const defaults = { attempts: 3, budget: 0.1 };
  assert.deepEqual(checkedRetry("aiFetch", undefined, defaults), defaults);
  assert.deepEqual(checkedRetry("aiFetch", { attempts: 1 }, defaults), { attempts: 1, budget: 0.1 });
  for (const [retry, place] of [
    [{ attempts: 0 }, "retry.attempts"],
    [{ attempts: 11 }, "retry.attempts"],
    [{ attempts: 1.5 }, "retry.attempts"],
    [{ budget: 1.1 }, "retry.budget"],
    [{ budget: Number.NaN }, "retry.budget"],
  ] as const)
    assert.throws(
      () => checkedRetry("aiFetch", retry, defaults),
      (error: unknown) => isLanewayError(error) && error.message.startsWith(`aiFetch: ${place}: expected`),
    );
});
