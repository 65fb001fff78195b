import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { NO_REPLY, REFUSED_COST, Traffic } from "../../src/calls/traffic.ts";
import type { CallPlan, TrafficOptions } from "../../src/calls/traffic.ts";
import type { ResourceOptions } from "../../src/core/options.ts";
import type { Permit } from "../../src/core/permit.ts";
import { Resource } from "../../src/node/resource.ts";
import { anthropic } from "../../src/providers/anthropic.ts";
import { http } from "../../src/providers/http.ts";
import type { BodyFacts, Provider, Verdict } from "../../src/providers/provider.ts";
import { TestClock } from "../../src/testing/clock.ts";

const SONNET: BodyFacts = {
  model: "claude-sonnet-4-5",
  maxOutputTokens: 4_000,
  stream: false,
  service: undefined,
  bytes: 4_000,
};
const LIMITED: Verdict = { retry: true, afterMs: 2_000, pause: "model", reason: "rate-limit" };
const OVERLOADED: Verdict = { retry: true, afterMs: undefined, pause: undefined, reason: "overloaded" };
const UNAUTHORIZED: Verdict = { retry: false, afterMs: undefined, pause: undefined, reason: "none" };
const BUDGETS = { requests: 60, inputTokens: 60_000, outputTokens: 60_000 };

const noHeader = (): undefined => undefined;

/** The headers of a reply, of which only what is left is given; all is back in a minute. */
function headers(left: {
  requests?: number;
  input?: number;
  output?: number;
}): (name: string) => string | undefined {
  const values = new Map<string, string>();
  for (const [kind, value] of [
    ["requests", left.requests],
    ["input-tokens", left.input],
    ["output-tokens", left.output],
  ] as const) {
    if (value === undefined) continue;
    values.set(`anthropic-ratelimit-${kind}-limit`, kind === "requests" ? "60" : "60000");
    values.set(`anthropic-ratelimit-${kind}-remaining`, `${value}`);
    values.set(`anthropic-ratelimit-${kind}-reset`, new Date(60_000).toISOString());
  }
  return (name) => values.get(name);
}

interface Made {
  readonly clock: TestClock;
  readonly resource: Resource;
  readonly traffic: Traffic;
  begin(facts?: { lane?: string; path?: string; body?: BodyFacts }): CallPlan;
  start(plan: CallPlan): Promise<Permit>;
}

function make(
  options: Partial<TrafficOptions> & { provider?: Provider; resource?: Partial<ResourceOptions> } = {},
): Made {
  const { provider = anthropic, resource: resourceOptions, ...trafficOptions } = options;
  const clock = new TestClock();
  const resource = new Resource({
    name: "claude",
    limit: 8,
    lanes: [{ name: "chat" }, { name: "batch" }],
    budgets: BUDGETS,
    clock,
    ...resourceOptions,
  });
  const now = (): number => clock.now();
  const traffic = new Traffic(resource, provider, {
    retry: { attempts: 3, budget: 0.1 },
    random: () => 1,
    now,
    wall: now,
    ...trafficOptions,
  });
  return {
    clock,
    resource,
    traffic,
    begin: ({ lane = "chat", path = "/v1/messages", body = SONNET } = {}) =>
      traffic.begin({ method: "POST", path, lane, body }),
    start: (plan) => resource.acquire({ lane: "chat", cost: plan.cost, budget: plan.budgets }),
  };
}

test("a call is charged to its key and its class of models, or to the caller where it brings its own key", () => {
  assert.deepEqual(make().begin().budgets, ["caller/claude-sonnet-4"]);
  const { begin } = make({ keys: ["a", "b"], laneKeys: { batch: ["c"] } });
  assert.deepEqual(begin().budgets, ["0/claude-sonnet-4", "1/claude-sonnet-4"]);
  assert.deepEqual(begin({ lane: "batch" }).budgets, ["batch-0/claude-sonnet-4"]);
});

test("a policy's own class goes before the provider's", () => {
  const { begin } = make({
    classOf: (model) => (model.startsWith("claude-sonnet") ? "claude-sonnet-*" : undefined),
  });
  assert.deepEqual(begin().budgets, ["caller/claude-sonnet-*"]);
  assert.deepEqual(begin({ body: { ...SONNET, model: "claude-haiku-4" } }).budgets, [
    "caller/claude-haiku-4",
  ]);
});

test("counting, batches and lists do not use the models' budgets, and plain HTTP uses the resource's own", () => {
  const { begin, traffic } = make();
  assert.deepEqual(begin({ path: "/v1/messages/count_tokens" }).budgets, ["caller/count"]);
  assert.deepEqual(begin({ path: "/v1/messages/batches" }).budgets, ["caller/batch"]);
  const list = traffic.begin({ method: "GET", path: "/v1/models", lane: undefined, body: undefined });
  assert.deepEqual([list.budgets, list.cost], [["caller/list"], REFUSED_COST]);
  assert.deepEqual(make({ provider: http }).begin().budgets, [""]);
});

test("a model's name of any length makes a short name of a budget", () => {
  const [name] = make().begin({ body: { ...SONNET, model: "x".repeat(16_000) } }).budgets;
  assert.equal(name, `caller/${"x".repeat(100)}`);
});

test("the key to send is that of the budget that was charged, and no text shows it", async () => {
  const { traffic, begin, start } = make({ keys: ["secret-a", "secret-b"] });
  const plan = begin();
  const first = await start(plan);
  const second = await start(plan);
  assert.deepEqual(
    [...new Set([plan.keyOf(first), plan.keyOf(second)])].toSorted((a, b) => (a! < b! ? -1 : 1)),
    ["secret-a", "secret-b"],
  );
  assert.equal(plan.keyOf({ ...first, budget: "caller/x" }), undefined);
  for (const shown of [traffic, plan]) {
    assert.doesNotMatch(inspect(shown, { depth: 9, showHidden: true }), /secret-/);
    assert.doesNotMatch(JSON.stringify(shown), /secret-/);
  }
});

test("a reply's headers lower the books of the budget that was charged, and of no other", async () => {
  const { resource, begin, start } = make({ keys: ["a", "b"] });
  const plan = begin();
  const permit = await start(plan);
  const other = plan.budgets.find((name) => name !== permit.budget)!;
  plan.replied(permit, 200, headers({ requests: 20, input: 5_000, output: 7_000 }));
  assert.deepEqual(resource.budget(permit.budget).left, {
    requests: 20,
    inputTokens: 5_000,
    outputTokens: 7_000,
  });
  assert.deepEqual(resource.budget(other).left, BUDGETS);
});

test("headers that agree or say more change nothing", async () => {
  const { resource, begin, start } = make();
  const plan = begin();
  const permit = await start(plan);
  const { left } = resource.budget(permit.budget);
  assert.deepEqual(left, { requests: 59, inputTokens: 58_900, outputTokens: 56_000 });
  plan.replied(permit, 200, headers({ requests: 60, input: 60_000, output: 60_000 }));
  plan.replied(permit, 200, headers({ requests: 59, input: 58_000, output: 55_500 }));
  assert.deepEqual(resource.budget(permit.budget).left, left);
});

test("what a reply used is charged instead of the guess, and the next guess is better", async () => {
  const { begin } = make();
  const plan = begin();
  assert.deepEqual(plan.cost, { requests: 1, inputTokens: 1_100, outputTokens: 4_000 });
  const used = plan.used({ inputTokens: 2_000, outputTokens: 300, final: true });
  assert.deepEqual(used, { requests: 1, inputTokens: 2_000, outputTokens: 300 });
  assert.deepEqual(begin().cost, { requests: 1, inputTokens: 2_200, outputTokens: 4_000 });
  assert.equal(plan.used(undefined), undefined);
});

test("a call that the upstream refused has used a request and no tokens", async () => {
  const { begin, start } = make();
  const plan = begin();
  plan.replied(await start(plan), 400, noHeader);
  assert.deepEqual(plan.used(undefined), REFUSED_COST);
});

test("output is charged by what is written once the upstream's books show that it does so", async () => {
  const { begin, start } = make({ keys: [] });
  for (let call = 0; call < 1_000; call++)
    begin().used({ inputTokens: 1_000, outputTokens: 100, final: true });
  const stream: BodyFacts = { ...SONNET, stream: true };
  assert.equal(begin().cost.outputTokens, 4_000);
  for (let call = 0; call < 3; call++) {
    const plan = begin({ body: stream });
    const permit = await start(plan);
    plan.keyOf(permit);
    // Of the 4,000 that are reserved here, nothing is missing there.
    plan.replied(permit, 200, headers({ output: 60_000 }));
    permit.release({ cost: plan.used({ inputTokens: 1_000, outputTokens: 100, final: true })! });
  }
  assert.ok(begin().cost.outputTokens! < 150);
  assert.equal(begin({ body: { ...SONNET, model: "claude-haiku-4" } }).cost.outputTokens, 4_000);
});

test("a refused model is paused for as long as the upstream asks, and the call waits for that and nothing else", async () => {
  const { resource, begin, start } = make();
  const plan = begin();
  const permit = await start(plan);
  plan.replied(permit, 429, noHeader);
  assert.equal(plan.failed(permit, LIMITED), 0);
  assert.equal(plan.attempt, 2);
  assert.equal(resource.budget("caller/claude-sonnet-4").pausedMs, 2_000);
  assert.equal(resource.budget("caller/claude-haiku-4").pausedMs, 0);
});

test("without a retry-after, pauses in a row grow, and a reply ends the row", async () => {
  const { resource, clock, begin, start } = make({ retry: { attempts: 10, budget: 1 } });
  const plan = begin();
  let permit = await start(plan);
  const pauses: number[] = [];
  for (let round = 0; round < 3; round++) {
    plan.replied(permit, 429, noHeader);
    plan.failed(permit, { ...LIMITED, afterMs: undefined });
    pauses.push(resource.budget(permit.budget).pausedMs);
    await clock.advance(pauses.at(-1)!);
    permit.release();
    permit = await start(plan);
  }
  assert.deepEqual(pauses, [500, 1_000, 2_000]);
  plan.replied(permit, 200, noHeader);
  plan.failed(permit, { ...LIMITED, afterMs: undefined });
  assert.equal(resource.budget(permit.budget).pausedMs, 500);
});

test("a refused key is paused for all of its models, those not yet used included, and other keys go on", async () => {
  const { resource, begin, start } = make({ keys: ["a", "b"] });
  const haiku = begin({ body: { ...SONNET, model: "claude-haiku-4" } });
  const plan = begin();
  const permit = await start(plan);
  const [paused, free] = permit.budget.startsWith("0/") ? ["0", "1"] : ["1", "0"];
  plan.replied(permit, 429, noHeader);
  assert.equal(plan.failed(permit, { ...LIMITED, pause: "key" }), 0);
  begin({ body: { ...SONNET, model: "claude-opus-4-1" } });
  for (const budget of [
    ...plan.budgets,
    ...haiku.budgets,
    `${paused}/claude-opus-4`,
    `${free}/claude-opus-4`,
  ])
    assert.equal(resource.budget(budget).pausedMs, budget.startsWith(`${paused}/`) ? 2_000 : 0, budget);
  // The retry is served by the other key at once.
  assert.equal((await start(plan)).budget, `${free}/claude-sonnet-4`);
});

test("a failure of this call alone waits with a growing, jittered back-off and pauses nothing", async () => {
  const { resource, begin, start } = make();
  const plan = begin();
  const permit = await start(plan);
  plan.replied(permit, 529, noHeader);
  assert.equal(plan.failed(permit, OVERLOADED), 500);
  plan.replied(permit, 529, noHeader);
  assert.equal(plan.failed(permit, OVERLOADED), 1_000);
  plan.replied(permit, 529, noHeader);
  assert.equal(plan.failed(permit, OVERLOADED), undefined);
  assert.equal(plan.attempt, 3);
  assert.equal(resource.budget(permit.budget).pausedMs, 0);
  assert.deepEqual(plan.used(undefined), REFUSED_COST);
});

test("a retry-after of hours pauses for five minutes and is not waited for", async () => {
  const { resource, begin, start } = make();
  const plan = begin();
  const permit = await start(plan);
  plan.replied(permit, 429, noHeader);
  assert.equal(plan.failed(permit, { ...LIMITED, afterMs: 6 * 3_600_000 }), undefined);
  assert.equal(resource.budget(permit.budget).pausedMs, 300_000);
});

test("a key that the upstream refuses is set aside, and its call made with another key at once", async () => {
  const { clock, begin, start } = make({ keys: ["bad", "good"] });
  const plan = begin();
  let permit = await start(plan);
  while (plan.keyOf(permit) !== "bad") permit = await start(plan);
  plan.replied(permit, 401, noHeader);
  assert.equal(plan.failed(permit, UNAUTHORIZED), 0);
  assert.deepEqual(plan.budgets, ["1/claude-sonnet-4"]);
  assert.deepEqual(begin().budgets, ["1/claude-sonnet-4"]);
  await clock.advance(1_000);
  const probe = begin();
  assert.deepEqual(probe.budgets, ["0/claude-sonnet-4"]);
  assert.deepEqual(begin().budgets, ["1/claude-sonnet-4"]);
  probe.replied(await start(probe), 200, noHeader);
  assert.equal(begin().budgets.length, 2);
});

test("a refused key with no other is the caller's to know", async () => {
  for (const keys of [[], ["only"]]) {
    const { begin, start } = make({ keys });
    const plan = begin();
    const permit = await start(plan);
    plan.replied(permit, 401, noHeader);
    assert.equal(plan.failed(permit, UNAUTHORIZED), undefined);
    assert.equal(begin().budgets.length, 1);
  }
});

test("a connection that fails sets its key aside and is tried again; money sets it aside and is not", async () => {
  const { begin, start } = make({ keys: ["a", "b"] });
  const reset = begin();
  const first = await start(reset);
  assert.equal(reset.failed(first, NO_REPLY), 500);
  assert.equal(reset.budgets.length, 1);
  const poor = make({ keys: ["a", "b"] });
  const plan = poor.begin();
  const second = await poor.start(plan);
  plan.replied(second, 429, noHeader);
  const money: Verdict = { retry: false, afterMs: undefined, pause: undefined, reason: "money" };
  assert.equal(plan.failed(second, money), undefined);
  assert.equal(poor.begin().budgets.length, 1);
});
