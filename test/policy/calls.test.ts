import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fallbackOf } from "../../src/policy/fallback.ts";
import { defaultPolicy, parsePolicy, withResource } from "../../src/policy/policy.ts";
import type { PolicyResource } from "../../src/policy/policy.ts";

describe("a resource that is added to a policy in code", () => {
  it("has the defaults of a file", async () => {
    const added = withResource(defaultPolicy(), { name: "http", upstream: "http://127.0.0.1:3000" });
    const read = await parsePolicy("resources: { http: { upstream: http://127.0.0.1:3000 } }");
    assert.deepEqual(added.resources, read.resources);
  });

  it("takes what a file can say of its calls", async () => {
    const added = withResource(
      withResource(defaultPolicy(), { name: "spare", provider: "anthropic", upstream: "https://b" }),
      {
        name: "ai",
        provider: "anthropic",
        upstream: "https://a",
        limit: 8,
        keys: ["one", "two"],
        laneKeys: { bulk: ["three"] },
        budgets: { requests: 60, models: [{ pattern: "claude-haiku-*", outputTokens: 1_000 }] },
        retry: { attempts: 5 },
        fallback: { resource: "spare" },
        laneFallbacks: { bulk: { model: "claude-haiku-4-5" } },
        commitAfterMs: 15_000,
        idleTimeoutMs: 60_000,
      },
    );
    const read = await parsePolicy(`
resources:
  spare: { provider: anthropic, upstream: https://b }
  ai:
    provider: anthropic
    upstream: https://a
    limit: 8
    keys: [one, two]
    budgets: { requests: 1/s, models: { claude-haiku-*: { outputTokens: 1000/min } } }
    retry: { attempts: 5 }
    fallback: { resource: spare }
    commitAfter: 15s
    idleTimeout: 1m
    lanes: { bulk: { keys: [three], fallback: { model: claude-haiku-4-5 } } }`);
    assert.deepEqual(added.resources, read.resources);
    const revealed = ({ keys, laneKeys }: PolicyResource): unknown[] =>
      [keys, laneKeys["bulk"]!].map((each) => each.map((key) => key.reveal()));
    assert.deepEqual(revealed(added.resources["ai"]!), [["one", "two"], ["three"]]);
    assert.deepEqual(revealed(read.resources["ai"]!), [["one", "two"], ["three"]]);
  });
});

describe("calls of a resource", () => {
  const ai = async (fields: string, env: Record<string, string> = {}): Promise<PolicyResource> => {
    const text = `resources: { ai: { provider: openai, upstream: "https://h", ${fields} } }`;
    return (await parsePolicy(text, { env })).resources["ai"]!;
  };

  it("have budgets, each a number per minute", async () => {
    const { budgets } = await ai(
      'budgets: { requests: 10/s, inputTokens: "${TOKENS}/min", models: { "gpt-*": { outputTokens: 600/h } } }',
      { TOKENS: "400000" },
    );
    assert.deepEqual(budgets, {
      requests: 600,
      inputTokens: 400_000,
      models: [{ pattern: "gpt-*", outputTokens: 10 }],
    });
  });

  it("are tried three times, a tenth of the traffic at most, unless the policy says otherwise", async () => {
    assert.deepEqual((await ai("limit: 1")).retry, { attempts: 3, budget: 0.1, plainHttp: false });
    assert.deepEqual((await ai('retry: { attempts: "${N}", budget: 2.5% }', { N: "1" })).retry, {
      attempts: 1,
      budget: 0.025,
      plainHttp: false,
    });
  });

  it("of plain HTTP are tried once, and three times where the policy asks for it", async () => {
    const of = async (fields: string): Promise<unknown> =>
      (await parsePolicy(`resources: { web: { upstream: "http://h"${fields} } }`)).resources["web"]!.retry;
    assert.deepEqual(await of(""), { attempts: 1, budget: 0.1, plainHttp: false });
    assert.deepEqual(await of(", retry: { plainHttp: true }"), {
      attempts: 3,
      budget: 0.1,
      plainHttp: true,
    });
    assert.deepEqual(await of(", retry: { plainHttp: true, attempts: 2, budget: 50% }"), {
      attempts: 2,
      budget: 0.5,
      plainHttp: true,
    });
  });

  it("may fall back to another model, or along a chain of resources that ends", async () => {
    const { resources } = await parsePolicy(`
resources:
  a: { provider: openai, upstream: https://a, fallback: { resource: b }, lanes: { low: { fallback: { model: small } } } }
  b: { provider: openai, upstream: https://b, fallback: { resource: c } }
  c: { provider: openai, upstream: https://c, fallback: { model: small } }`);
    assert.deepEqual(
      Object.values(resources).map(({ fallback }) => fallback),
      [{ resource: "b" }, { resource: "c" }, { model: "small" }],
    );
    assert.deepEqual(fallbackOf(resources["a"]!, "low"), { model: "small" });
    assert.deepEqual(fallbackOf(resources["a"]!, "high"), { resource: "b" });
  });

  it("have keys of their own in a lane, also in one with an unlucky name", async () => {
    const { resources } = await parsePolicy(`
lanes: [{ name: constructor }, { name: batch }]
resources: { ai: { provider: openai, upstream: https://h, keys: [a], lanes: { batch: { keys: [b] } } } }`);
    const { laneKeys, laneFallbacks } = resources["ai"]!;
    assert.deepEqual(
      laneKeys["batch"]!.map((key) => key.reveal()),
      ["b"],
    );
    assert.deepEqual([laneKeys["constructor"], laneFallbacks["constructor"]], [undefined, undefined]);
  });
});
