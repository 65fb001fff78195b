import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { budgetClass, namedSizes } from "../../src/policy/budgets.ts";
import { resourceOptions } from "../../src/policy/options.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import type { PolicyBudgets } from "../../src/policy/policy.ts";

const TEXT = `
resources:
  ai:
    limit: 8
    budgets:
      requests: 4000/min
      inputTokens: 400000/min
      models:
        claude-haiku-*: { requests: 8000/min }
        claude-opus-4-1: { outputTokens: 100/min }
        claude-opus-*: {}
  plain: { limit: 8 }
  common: { limit: 8, budgets: { requests: 60/min } }
`;

async function budgetsOf(resource: string): Promise<PolicyBudgets> {
  return (await parsePolicy(TEXT)).resources[resource]!.budgets!;
}

describe("the class of a model", () => {
  it("is the first pattern that it matches", async () => {
    const budgets = await budgetsOf("ai");
    const classes = [
      "claude-haiku-4-5",
      "claude-opus-4-1",
      "claude-opus-4-5",
      "claude-sonnet-4-5",
      "",
      "haiku",
    ];
    assert.deepEqual(
      classes.map((model) => budgetClass(budgets, model)),
      ["claude-haiku-*", "claude-opus-4-1", "claude-opus-*", undefined, undefined, undefined],
    );
  });

  it("is not the policy's to say where it has no patterns", async () => {
    assert.equal(budgetClass(undefined, "claude-haiku-4-5"), undefined);
    assert.equal(budgetClass(await budgetsOf("common"), "claude-haiku-4-5"), undefined);
  });
});

describe("a named budget", () => {
  it("has the sizes of its pattern, and the common ones for what that leaves out", async () => {
    const budgets = await budgetsOf("ai");
    const haiku = { requests: 8_000, inputTokens: 400_000 };
    for (const name of [
      "0/claude-haiku-*",
      "1/claude-haiku-4-5",
      "caller/claude-haiku-3",
      "bulk-0/claude-haiku-*",
    ])
      assert.deepEqual(namedSizes(budgets, name), haiku, name);
    assert.deepEqual(namedSizes(budgets, "0/claude-opus-4-1"), {
      requests: 4_000,
      inputTokens: 400_000,
      outputTokens: 100,
    });
    assert.deepEqual(namedSizes(budgets, "0/claude-opus-*"), { requests: 4_000, inputTokens: 400_000 });
  });

  it("may be named by its model alone", async () => {
    assert.equal(namedSizes(await budgetsOf("ai"), "claude-haiku-4-5")?.requests, 8_000);
  });

  it("has the common sizes when no pattern matches it, and so has the resource's own", async () => {
    const { budgets } = (
      await parsePolicy('resources: { ai: { limit: 1, budgets: { models: { "*": { requests: 5/min } } } } }')
    ).resources["ai"]!;
    assert.equal(namedSizes(budgets!, ""), undefined);
    assert.equal(namedSizes(budgets!, "caller/"), undefined);
    assert.deepEqual(namedSizes(budgets!, "0/anything/at/all"), { requests: 5 });
    assert.equal(namedSizes(await budgetsOf("ai"), "0/claude-sonnet-4"), undefined);
  });
});

describe("the core is told", () => {
  const told = async (name: string) => {
    const policy = await parsePolicy(TEXT);
    return resourceOptions(policy, policy.resources[name]!).budgets;
  };

  it("the common sizes, and where to ask for those of one name", async () => {
    const { of, ...sizes } = (await told("ai"))!;
    assert.deepEqual(sizes, { requests: 4_000, inputTokens: 400_000 });
    assert.deepEqual(of?.("bulk-0/claude-haiku-4-5"), { requests: 8_000, inputTokens: 400_000 });
  });

  it("no more than the policy says", async () => {
    assert.deepEqual(await told("common"), { requests: 60 });
    assert.equal(await told("plain"), undefined);
  });
});
