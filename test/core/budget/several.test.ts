/** Of several named budgets the best one is used. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Permit } from "../../../src/core/permit.ts";
import { simulated } from "../simulated.ts";
import { spend, twoLanes } from "./two-lanes.ts";

test("of several budgets the one with most left is used, and the permit says which", async () => {
  const made = twoLanes({ inputTokens: 6_000 });
  spend(made, 2_000, "key-0");
  const permits: Permit[] = [];
  for (let i = 0; i < 4; i++)
    permits.push(await made.resource.acquire({ budget: ["key-0", "key-1"], cost: { inputTokens: 1_000 } }));
  assert.deepEqual(
    permits.map(({ budget }) => budget),
    ["key-1", "key-1", "key-0", "key-1"],
  );
});

test("a budget of its own size is compared by what is left of it for this task", async () => {
  const { resource } = twoLanes({
    requests: 10,
    of: (name) => (name === "large" ? { requests: 1_000 } : undefined),
  });
  for (let i = 0; i < 10; i++)
    assert.equal((await resource.acquire({ budget: ["small", "large"] })).budget, "large");
});

test("a paused budget is passed over, and a task waits when all of its budgets are", async () => {
  const made = twoLanes({ requests: 600 });
  made.resource.budget("key-0").pause(1_000);
  assert.equal(made.resource.tryAcquire({ budget: ["key-0", "key-1"] })?.budget, "key-1");
  made.resource.budget("key-1").pause(300);
  const turn = made.resource.acquire({ budget: ["key-0", "key-1"] });
  await made.clock.advance(300);
  assert.equal((await turn).budget, "key-1");
});

test("keys without limits share the load by how much runs on each", async () => {
  const { resource } = simulated({ limit: 10 });
  const names: string[] = [];
  for (let i = 0; i < 4; i++) names.push((await resource.acquire({ budget: ["key-0", "key-1"] })).budget);
  assert.deepEqual(names, ["key-0", "key-1", "key-0", "key-1"]);
});
