import assert from "node:assert/strict";
import { test } from "node:test";
import { trafficOf } from "../../src/calls/shared-traffic.ts";
import { Resource } from "../../src/index.ts";
import { anthropic } from "../../src/providers/anthropic.ts";

const CALL = { method: "POST", path: "/v1/messages", lane: "normal", body: undefined };
const retry = { attempts: 1, budget: 0.1 };

test("adapters with the same settings share one traffic of a resource", () => {
  const resource = new Resource({ name: "ai", limit: 1 });
  const first = trafficOf(resource, anthropic, { keys: ["a"], ...retry });
  assert.equal(trafficOf(resource, anthropic, { keys: ["a"], ...retry }), first);
  assert.notEqual(trafficOf(resource, anthropic, { keys: ["b"], ...retry }), first);
});

test("a key has the same budgets in every adapter of a resource, and another key has others", () => {
  const resource = new Resource({ name: "ai", limit: 1, budgets: { requests: 10 } });
  const budgetsOf = (...keys: string[]): readonly string[] =>
    trafficOf(resource, anthropic, { keys, ...retry }).begin(CALL).budgets;
  assert.deepEqual(budgetsOf("chat"), ["0/"]);
  assert.deepEqual(budgetsOf("batch"), ["1/"]);
  assert.deepEqual(budgetsOf("batch", "chat"), ["1/", "0/"]);
});
