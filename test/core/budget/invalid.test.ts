/** Wrong options of budgets are refused at once, with where, what was expected and what was found. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { BudgetOptions, TaskOptions } from "../../../src/core/options.ts";
import type { RequeueOptions } from "../../../src/core/permit.ts";
import { simulated } from "../simulated.ts";

const BUDGETS: readonly (readonly [budgets: unknown, message: RegExp])[] = [
  [5, /^resource "db": budgets: expected an object with requests, inputTokens, .*, found 5$/],
  [{ request: 5 }, /^resource "db": budgets: expected one of the options .*, found "request"$/],
  [{ requests: 0 }, /^resource "db": budgets\.requests: expected a number from .*, found 0$/],
  [{ inputTokens: -1 }, /budgets\.inputTokens: .*, found -1$/],
  [{ outputTokens: Infinity }, /budgets\.outputTokens: .*, found Infinity$/],
  [{ outputTokens: NaN }, /budgets\.outputTokens: .*, found NaN$/],
  [{ requests: "60/min" }, /budgets\.requests: .*, found "60\/min"$/],
  [{ of: {} }, /budgets\.of: expected a function from a budget's name to its sizes, found an object$/],
  [{ spreadMs: -1 }, /budgets\.spreadMs: /],
];

const TASKS: readonly (readonly [task: unknown, message: RegExp])[] = [
  [{ cost: 5 }, /^cost: expected an object with requests, inputTokens, outputTokens, found 5$/],
  [{ cost: null }, /^cost: .*, found null$/],
  [{ cost: { tokens: 5 } }, /^cost: expected one of the options .*, found "tokens"$/],
  [{ cost: { requests: -1 } }, /^cost\.requests: .*, found -1$/],
  [{ cost: { inputTokens: NaN } }, /^cost\.inputTokens: .*, found NaN$/],
  [{ cost: { outputTokens: Infinity } }, /^cost\.outputTokens: .*, found Infinity$/],
  [{ budget: 5 }, /^budget: expected a name, or a list of 1 to 64 names, found 5$/],
  [{ budget: [] }, /^budget: .*, found a list of 0$/],
  [{ budget: ["a", 5] }, /^budget: .*, found a list of 2$/],
  [{ waitedMs: -1 }, /^waitedMs: .*, found -1$/],
  [{ waitedMs: Infinity }, /^waitedMs: .*, found Infinity$/],
];

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.equal((error as { code?: unknown }).code, "LANEWAY_INVALID");
    return (error as Error).message;
  }
  return "nothing was thrown";
}

test("wrong sizes are refused when the resource is made, and by an update, which changes nothing", () => {
  const { resource } = simulated({ limit: 1, budgets: { requests: 7 } });
  for (const [wrong, message] of BUDGETS) {
    const budgets = wrong as BudgetOptions;
    assert.match(
      messageOf(() => simulated({ limit: 1, budgets })),
      message,
    );
    assert.match(
      messageOf(() => resource.update({ budgets })),
      message,
    );
  }
  assert.equal(resource.budget().left.requests, 7);
});

test("wrong sizes of one name are refused when it is first used", () => {
  const sizes: unknown[] = [{ requests: 0 }, { tokens: 1 }, 5];
  const { resource } = simulated({ limit: 9, budgets: { of: (name) => sizes[Number(name)] as object } });
  assert.match(
    messageOf(() => resource.tryAcquire({ budget: "0" })),
    /^resource "db": budgets\.of\("0"\)\.requests: .*, found 0$/,
  );
  assert.match(
    messageOf(() => resource.tryAcquire({ budget: "1" })),
    /budgets\.of\("1"\): .*, found "tokens"$/,
  );
  assert.match(
    messageOf(() => resource.tryAcquire({ budget: "2" })),
    /budgets\.of\("2"\): .*, found 5$/,
  );
  assert.ok(resource.tryAcquire({ budget: "3" }) !== undefined);
  assert.equal(resource.snapshot().seatsInUse, 1);
});

test("a wrong need is refused before the task counts, with budgets and without", () => {
  for (const options of [{ limit: 1 }, { limit: 1, budgets: { requests: 5 } }]) {
    const { resource } = simulated(options);
    for (const [task, message] of TASKS)
      assert.match(
        messageOf(() => resource.tryAcquire(task as TaskOptions)),
        message,
      );
    assert.equal(resource.snapshot().seatsInUse, 0);
  }
});

test("a wrong cost at the end is refused, and the permit is still held", async () => {
  const { resource } = simulated({ limit: 1, budgets: { requests: 5 } });
  const permit = await resource.acquire();
  const cost = { inputTokens: -1 };
  assert.match(
    messageOf(() => permit.release({ cost })),
    /^permit\.release: cost\.inputTokens: /,
  );
  assert.match(
    messageOf(() => permit.requeue({ cost })),
    /^permit\.requeue: cost\.inputTokens: /,
  );
  const wrong = { budget: [] } as RequeueOptions;
  assert.match(
    messageOf(() => permit.requeue(wrong)),
    /^permit\.requeue: budget: .*, found a list of 0$/,
  );
  assert.equal(resource.snapshot().seatsInUse, 1);
});

test("wrong pauses and corrections are refused", () => {
  const { resource } = simulated({ limit: 1 });
  const budget = resource.budget("opus");
  assert.match(
    messageOf(() => budget.pause(-1)),
    /^budget "opus": pause: .*, found -1$/,
  );
  assert.match(
    messageOf(() => budget.pause(NaN)),
    /^budget "opus": pause: .*, found NaN$/,
  );
  assert.match(
    messageOf(() => budget.correct({ requests: NaN })),
    /^budget "opus": correct: requests: /,
  );
  assert.match(
    messageOf(() => budget.correct({ tokens: 5 } as object)),
    /correct: .*, found "tokens"$/,
  );
  assert.match(
    messageOf(() => resource.budget(5 as unknown as string)),
    /^budget: expected a name, found 5$/,
  );
});
