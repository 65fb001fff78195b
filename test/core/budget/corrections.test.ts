/** A charge is put right when its task ends, goes back or says more, and a budget when somebody knows better. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { simulated } from "../simulated.ts";
import type { Options } from "../simulated.ts";
import { LONG, left, spend, twoLanes } from "./two-lanes.ts";

const MINUTE = 60_000;

test("what a task did not use is given to the next waiter in the call that says so", async () => {
  const made = twoLanes({ inputTokens: 1_000 });
  const permit = await made.resource.acquire({ cost: { inputTokens: 1_000 } });
  void made.trace.submit("next", 0, { cost: { inputTokens: 600 } });
  permit.release({ cost: { inputTokens: 400 } });
  assert.equal(made.resource.snapshot().waiting, 0);
  assert.equal(left(made), 0);
});

test("what it used beyond its estimate is a debt, and nothing starts before it is paid", async () => {
  const made = twoLanes({ inputTokens: 6_000 });
  const permit = await made.resource.acquire({ cost: { inputTokens: 6_000 } });
  permit.release({ cost: { inputTokens: 6_200 } });
  assert.equal(left(made), -200);
  void made.trace.submit("next", 0, { cost: { inputTokens: 100 } });
  await made.clock.advance(2_999);
  assert.deepEqual(made.trace.started, []);
  await made.clock.advance(1);
  assert.deepEqual(made.trace.started, ["next"]);
});

test("no debt is larger than a bucket, and no refund fills one beyond its size", async () => {
  const made = twoLanes({ inputTokens: 6_000 });
  (await made.resource.acquire({ cost: { inputTokens: 10 } })).release({ cost: { inputTokens: 1e9 } });
  assert.equal(left(made), -6_000);
  await made.clock.advance(3 * MINUTE);
  const permit = await made.resource.acquire({ cost: { inputTokens: 6_000 } });
  await made.clock.advance(MINUTE);
  permit.release({ cost: { inputTokens: 0 } });
  assert.equal(left(made), 6_000);
});

test("without a word the estimate stands, as it does for each kind that is left out", async () => {
  const { resource } = twoLanes({ requests: 10, inputTokens: 100, outputTokens: 100 });
  const cost = { inputTokens: 40, outputTokens: 40 };
  (await resource.acquire({ cost })).release();
  (await resource.acquire({ cost })).release({ cost: { outputTokens: 0 }, failed: true });
  assert.deepEqual(resource.budget().left, { requests: 8, inputTokens: 20, outputTokens: 60 });
});

test("a second release corrects nothing", async () => {
  const made = twoLanes({ inputTokens: 100 });
  const permit = await made.resource.acquire({ cost: { inputTokens: 40 } });
  permit.release();
  permit.release({ cost: { inputTokens: 0 } });
  assert.equal(left(made), 60);
});

test("a task put back gets all but one request back, and is charged anew in its turn", async () => {
  const { clock, resource } = twoLanes({ requests: 10, inputTokens: 100 });
  const first = await resource.acquire({ cost: { inputTokens: 40 } });
  const turn = first.requeue({ afterMs: 10 });
  assert.deepEqual(resource.budget().left, { requests: 9, inputTokens: 100, outputTokens: Infinity });
  await clock.advance(10);
  const second = await turn;
  assert.ok(Math.abs(resource.budget().left.inputTokens - 60) < 1e-9);
  second.release({ cost: { inputTokens: 10 } });
  assert.ok(Math.abs(resource.budget().left.inputTokens - 90) < 1e-9);
});

test("a task put back may say what its attempt used, and go on with another budget, ahead of those behind it", async () => {
  const made = twoLanes({ inputTokens: 6_000 }, { limit: 1 });
  spend(made, 6_000, "key-1");
  const first = await made.resource.acquire({ budget: "key-0", cost: { inputTokens: 500 } });
  assert.equal(first.budget, "key-0");
  void made.trace.submit("behind", 0, { budget: "key-1", cost: { inputTokens: 100 } });
  const turn = first.requeue({ cost: { inputTokens: 20 }, budget: ["key-1"] });
  assert.equal(left(made, "key-0"), 5_980);
  await made.clock.advance(5_000);
  const second = await turn;
  assert.equal(second.budget, "key-1");
  assert.deepEqual(made.trace.started, []);
  second.release();
  await made.clock.advance(1_000);
  assert.deepEqual(made.trace.started, ["behind"]);
});

test("a task put back may need a budget for its next attempt that it did not need before", async () => {
  const { clock, resource } = simulated({ limit: 1 });
  const permit = await resource.acquire();
  resource.budget("key-1").pause(100);
  const turn = permit.requeue({ budget: "key-1" });
  await clock.advance(99);
  assert.equal(resource.snapshot().waiting, 1);
  await clock.advance(1);
  assert.equal((await turn).budget, "key-1");
});

test("a task that never started is charged nothing", async () => {
  const impatient = { name: "high", timeoutMs: 1e7, queue: { timeoutMs: 1_000 } };
  const made = twoLanes({ inputTokens: 6_000 }, { lanes: [impatient, { name: "low", ...LONG }] });
  spend(made, 6_000);
  const leaving = new AbortController();
  const cost = { inputTokens: 3_000 };
  void made.trace.submit("cancelled", 0, { lane: "high", cost, signal: leaving.signal });
  void made.trace.submit("queued too long", 0, { lane: "high", cost });
  void made.trace.submit("next", 0, { cost: { inputTokens: 150 } });
  await made.clock.advance(500);
  leaving.abort(new Error("gone"));
  await made.clock.advance(999);
  assert.deepEqual(made.trace.started, []);
  await made.clock.advance(1);
  assert.deepEqual(made.trace.started, ["next"]);
  assert.equal(left(made), 0);
});

test("when the head that lacked budget gives up, those behind it start in the same call", async () => {
  const made = twoLanes({ inputTokens: 6_000 });
  spend(made, 5_990);
  const leaving = new AbortController();
  void made.trace.submit("head", 0, { lane: "high", cost: { inputTokens: 500 }, signal: leaving.signal });
  void made.trace.submit("behind", 0, { cost: { inputTokens: 10 } });
  assert.equal(made.resource.snapshot().waiting, 2);
  leaving.abort(new Error("gone"));
  assert.equal(made.resource.snapshot().waiting, 0);
});

const FLOORED: Options = {
  limit: 10,
  lanes: [
    { name: "critical", reservation: "40%", lendable: "50%", ...LONG },
    { name: "bulk", ...LONG },
  ],
  defaultLane: "bulk",
  aging: false,
  budgets: { inputTokens: 60_000 },
};

test("nothing starts on a paused budget, what runs goes on, and of two pauses the longer counts", async () => {
  const made = twoLanes({ requests: 600 });
  void made.trace.submit("runs", 50, { budget: "opus" });
  made.resource.budget("opus").pause(2_000);
  made.resource.budget("opus").pause(500);
  void made.trace.submit("waits", 0, { budget: "opus", lane: "high" });
  void made.trace.submit("other", 0, { budget: "haiku" });
  assert.equal(made.resource.budget("opus").pausedMs, 2_000);
  await made.clock.advance(1_999);
  assert.deepEqual(made.trace.started, ["runs", "other"]);
  await made.clock.advance(1);
  assert.equal(made.resource.budget("opus").pausedMs, 0);
  assert.deepEqual(made.trace.events.slice(-2), ["2000: waits starts", "2000: waits ends"]);
});

test("what came in while a budget was paused counts for who comes then: nobody waits for it twice", async () => {
  const made = twoLanes({ inputTokens: 60_000 });
  spend(made, 60_000);
  made.resource.budget().pause(25);
  await made.clock.advance(20);
  void made.trace.submit("of 30 tokens", 0, { cost: { inputTokens: 30 } });
  await made.clock.advance(100);
  assert.deepEqual(made.trace.events.slice(0, 1), ["30: of 30 tokens starts"]);
});

test("a pause holds without budgets too, for tasks that name it", async () => {
  const { clock, resource, trace } = simulated({ limit: 4 });
  resource.budget("opus").pause(100);
  void trace.submit("paused", 0, { budget: "opus" });
  void trace.submit("other", 0, { budget: "haiku" });
  void trace.submit("none", 0);
  await clock.advance(0);
  assert.deepEqual(trace.started, ["other", "none"]);
  await clock.advance(100);
  assert.deepEqual(trace.started, ["other", "none", "paused"]);
});

test("less than was thought to be left counts at once", async () => {
  const made = twoLanes({ inputTokens: 6_000 });
  made.resource.budget().correct({ inputTokens: 50 });
  assert.equal(left(made), 50);
  void made.trace.submit("waits", 0, { cost: { inputTokens: 150 } });
  await made.clock.advance(999);
  assert.deepEqual(made.trace.started, []);
  await made.clock.advance(1);
  assert.deepEqual(made.trace.started, ["waits"]);
});

test("more than was thought to be left starts who waits, but for what runs and may not be counted there yet", async () => {
  const made = twoLanes({ inputTokens: 6_000 });
  spend(made, 5_000);
  await made.resource.acquire({ cost: { inputTokens: 1_000 } });
  void made.trace.submit("waits", 0, { cost: { inputTokens: 500 } });
  // The task that runs is in these 1,000, or it is not.
  made.resource.budget().correct({ inputTokens: 1_000 });
  assert.equal(left(made), 0);
  made.resource.budget().correct({ inputTokens: 1_500 });
  assert.equal(made.resource.snapshot().waiting, 0);
});

test("a correction takes what all may use before what the lanes keep", async () => {
  const made = simulated(FLOORED);
  made.resource.budget().correct({ inputTokens: 12_000 });
  assert.ok(made.resource.tryAcquire({ lane: "critical", cost: { inputTokens: 12_000 } }) !== undefined);
});
