/** Promise 15: rate budgets are spent at the start by estimate, and nobody is overtaken for them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { keepEveryPromise } from "./history.ts";
import { simulated } from "./simulated.ts";
import type { Options } from "./simulated.ts";
import { LONG, left, spend, twoLanes } from "./budget/two-lanes.ts";

const MINUTE = 60_000;

test("a budget of 60 a minute gives 60 at once and then one each second", async () => {
  const { clock, trace } = twoLanes({ requests: 60 });
  for (let i = 1; i <= 63; i++) void trace.submit(`task ${i}`, 0);
  await clock.advance(2_500);
  const starts = trace.events.filter((event) => event.endsWith("starts"));
  assert.equal(starts.filter((event) => event.startsWith("0:")).length, 60);
  assert.deepEqual(starts.slice(60), ["1000: task 61 starts", "2000: task 62 starts"]);
});

test("nothing is saved up beyond the bucket: an hour later there are 60 again", async () => {
  const { clock, resource } = twoLanes({ requests: 60 });
  await clock.advance(60 * MINUTE);
  const permits = Array.from({ length: 100 }, () => resource.tryAcquire());
  assert.equal(permits.filter((permit) => permit !== undefined).length, 60);
});

test("a task starts when there is enough of every kind, and takes all of them together", async () => {
  const made = twoLanes({ requests: 600, inputTokens: 6_000, outputTokens: 60_000 });
  spend(made, 6_000);
  const waits = made.resource.acquire({ cost: { inputTokens: 100, outputTokens: 500 } });
  await made.clock.advance(999);
  assert.equal(made.resource.budget().left.requests, 600);
  assert.equal(made.resource.budget().left.outputTokens, 60_000);
  await made.clock.advance(1);
  await waits;
  assert.deepEqual(made.resource.budget().left, { requests: 599, inputTokens: 0, outputTokens: 59_500 });
});

test("a task that says nothing costs one request and no tokens", async () => {
  const { resource } = twoLanes({ requests: 10, inputTokens: 10, outputTokens: 10 });
  await resource.acquire();
  assert.deepEqual(resource.budget().left, { requests: 9, inputTokens: 10, outputTokens: 10 });
});

test("a cost above what the lane could ever have is clamped to that, and starts when there is so much", async () => {
  const made = simulated({
    limit: 10,
    lanes: [
      { name: "top", reservation: "40%", lendable: "50%", ...LONG },
      { name: "low", ...LONG },
    ],
    defaultLane: "low",
    budgets: { inputTokens: 1_000 },
  });
  void made.trace.submit("huge", 0, { cost: { inputTokens: 1e9 } });
  await made.clock.advance(0);
  assert.deepEqual(made.trace.started, ["huge"]);
  // The floor of the top lane, half of its 40 %, is not among what the low lane could ever have.
  assert.equal(left(made), 200);
});

test("without budgets and without a name nothing is kept, whatever a task says it costs", () => {
  const { resource } = simulated({ limit: 2 });
  resource.tryAcquire({ cost: { inputTokens: 1e9 } })!.release();
  assert.deepEqual(resource.snapshot().budgets, []);
  assert.deepEqual(resource.budget().left, {
    requests: Infinity,
    inputTokens: Infinity,
    outputTokens: Infinity,
  });
});

test("what a wide head has no use for, as others took what it needs, is given at once", async () => {
  const made = simulated({
    limit: 10,
    lanes: [
      { name: "high", ceiling: 4, ...LONG },
      { name: "low", reservation: 1, lendable: 0, ...LONG },
    ],
    aging: false,
    budgets: { inputTokens: 100 },
  });
  const submit = (name: string, lane: string, inputTokens: number, more: object = {}) =>
    void made.trace.submit(name, 1_000, { lane, flow: name, cost: { inputTokens }, ...more });
  const either = ["a", "b"];
  spend(made, 20, "a");
  submit("first", "high", 0);
  submit("second", "high", 0);
  // There is enough for it in b, and it waits for a seat: it may use either.
  submit("wide", "high", 90, { width: 3, flow: "second", budget: either });
  submit("low", "low", 70, { budget: "a" });
  // A newer flow's turn comes first, and takes of b: the wide one lacks both then, and has no use for what is left of a.
  submit("narrow", "high", 30, { budget: either });
  await made.clock.advance(0);
  assert.deepEqual(made.trace.started, ["first", "second", "narrow", "low"]);
});

test("a head that lacks budget holds no seat, and blocks only that budget", async () => {
  const made = twoLanes({ inputTokens: 6_000 }, { limit: 1 });
  spend(made, 6_000, "opus");
  void made.trace.submit("opus", 10, { lane: "high", budget: "opus", cost: { inputTokens: 100 } });
  void made.trace.submit("haiku", 10, { lane: "low", budget: "haiku", cost: { inputTokens: 100 } });
  void made.trace.submit("same flow", 10, { lane: "high", budget: "haiku", cost: { inputTokens: 100 } });
  assert.equal(made.resource.snapshot().seatsInUse, 1);
  await made.clock.advance(1_100);
  assert.deepEqual(made.trace.events, [
    "0: haiku starts",
    "10: haiku ends",
    "10: same flow starts",
    "20: same flow ends",
    "1000: opus starts",
    "1010: opus ends",
  ]);
});

test("a lower lane never overtakes for the same budget, however little it needs", async () => {
  const made = twoLanes({ inputTokens: 6_000 });
  spend(made, 6_000);
  void made.trace.submit("big", 0, { lane: "high", cost: { inputTokens: 500 } });
  for (let i = 0; i < 20; i++)
    void made.trace.submit(`small ${i}`, 0, { lane: "low", cost: { inputTokens: 1 } });
  await made.clock.advance(4_999);
  assert.deepEqual(made.trace.started, []);
  await made.clock.advance(1);
  assert.deepEqual(made.trace.started, ["big"]);
  await made.clock.advance(200);
  assert.equal(made.trace.started.length, 21);
});

test("what the head of a higher lane does not need of a budget, a lower lane may use", async () => {
  const made = twoLanes({ inputTokens: 6_000, outputTokens: 6_000 });
  made.resource.budget().correct({ outputTokens: 0 });
  void made.trace.submit("needs output", 0, {
    lane: "high",
    cost: { inputTokens: 5_000, outputTokens: 100 },
  });
  void made.trace.submit("fits", 0, { lane: "low", cost: { inputTokens: 1_000 } });
  void made.trace.submit("too much", 0, { lane: "low", cost: { inputTokens: 200 } });
  await made.clock.advance(900);
  assert.deepEqual(made.trace.started, ["fits"]);
  await made.clock.advance(100);
  assert.deepEqual(made.trace.started, ["fits", "needs output"]);
  await made.clock.advance(1_000);
  assert.deepEqual(made.trace.started, ["fits", "needs output", "too much"]);
});

test("a higher lane that could not start for want of seats keeps nobody from the budget", async () => {
  const made = twoLanes(
    { inputTokens: 6_000 },
    {
      limit: 2,
      lanes: [
        { name: "high", ceiling: 1, ...LONG },
        { name: "low", ...LONG },
      ],
    },
  );
  void made.trace.submit("runs", 5_000, { lane: "high", cost: { inputTokens: 5_900 } });
  void made.trace.submit("at its ceiling", 0, { lane: "high", cost: { inputTokens: 3_000 } });
  void made.trace.submit("low", 0, { lane: "low", cost: { inputTokens: 100 } });
  await made.clock.advance(0);
  assert.deepEqual(made.trace.started, ["runs", "low"]);
});

test("within a lane flows share what their budget lets start, and one that asks for two budgets gets no more", async () => {
  const made = twoLanes({ requests: 600 }, { limit: 1 });
  for (let i = 0; i < 30; i++) {
    void made.trace.submit("a", 10, { flow: "a", budget: i % 2 === 0 ? "opus" : "haiku" });
    void made.trace.submit("b", 10, { flow: "b", budget: "opus" });
  }
  await made.clock.advance(395);
  const started = made.trace.started;
  assert.equal(started.length, 40);
  assert.equal(started.filter((name) => name === "a").length, 20);
});

test("inside a flow those that need the same budget start in the order in which they came", async () => {
  const made = twoLanes({ inputTokens: 6_000 });
  spend(made, 6_000);
  void made.trace.submit("first", 0, { cost: { inputTokens: 300 } });
  void made.trace.submit("second", 0, { cost: { inputTokens: 1 } });
  await made.clock.advance(2_999);
  assert.deepEqual(made.trace.started, []);
  await made.clock.advance(20);
  assert.deepEqual(made.trace.started, ["first", "second"]);
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

test("a lane's floor is a level that no other lane takes, and its burst starts at once", async () => {
  const made = simulated(FLOORED);
  for (let i = 0; i < 9; i++) void made.trace.submit(`bulk ${i}`, 0, { cost: { inputTokens: 10_000 } });
  await made.clock.advance(0);
  // 60,000 less the floor, a fifth.
  assert.equal(made.trace.started.length, 4);
  assert.equal(left(made), 20_000);
  void made.trace.submit("critical", 0, { lane: "critical", cost: { inputTokens: 20_000 } });
  await made.clock.advance(0);
  assert.equal(made.trace.started.at(-1), "critical");
});

test("once the floor is full its refill is lent, and while it is not the refill fills it first", async () => {
  const made = simulated(FLOORED);
  const full = 48_000;
  spend(made, full);
  void made.trace.submit("lent", 0, { cost: { inputTokens: 1_000 } });
  await made.clock.advance(1_000);
  assert.deepEqual(made.trace.started, ["lent"]);
  made.resource.tryAcquire({ lane: "critical", cost: { inputTokens: 12_000 } })!.release();
  void made.trace.submit("behind the floor", 0, { cost: { inputTokens: 1_000 } });
  await made.clock.advance(12_999);
  assert.deepEqual(made.trace.started, ["lent"]);
  await made.clock.advance(1);
  assert.deepEqual(made.trace.started, ["lent", "behind the floor"]);
});

test("the top lane spends what all may use before its own level", async () => {
  const made = simulated(FLOORED);
  made.resource.tryAcquire({ lane: "critical", cost: { inputTokens: 48_000 } })!.release();
  assert.equal(made.resource.tryAcquire({ lane: "bulk", cost: { inputTokens: 1 } }), undefined);
  made.resource.tryAcquire({ lane: "critical", cost: { inputTokens: 12_000 } })!.release();
  assert.equal(left(made), 0);
});

test("a fixed number of seats that is never lent is kept as the same part of every budget", () => {
  const { resource } = simulated({
    limit: 8,
    lanes: [{ name: "critical", reservation: 2, lendable: 0 }, { name: "bulk" }],
    budgets: { requests: 80 },
  });
  const permits = Array.from({ length: 80 }, () => {
    const permit = resource.tryAcquire({ lane: "bulk" });
    permit?.release();
    return permit;
  });
  assert.equal(permits.filter((permit) => permit !== undefined).length, 60);
});

test("floors leave every lane at least one request", () => {
  const { resource } = simulated({
    limit: 4,
    lanes: [{ name: "critical", reservation: 3, lendable: 0 }, { name: "bulk" }],
    budgets: { requests: 2 },
  });
  assert.ok(resource.tryAcquire({ lane: "bulk" }) !== undefined);
  assert.equal(resource.budget().left.requests, 1);
  assert.equal(resource.tryAcquire({ lane: "bulk" }), undefined);
  assert.ok(resource.tryAcquire({ lane: "critical" }) !== undefined);
});

test("less than one request a minute is one in more than a minute", async () => {
  const { clock, trace } = twoLanes({ requests: 0.5 });
  void trace.submit("first", 0);
  void trace.submit("second", 0);
  await clock.advance(3 * MINUTE);
  assert.deepEqual(
    trace.events.filter((event) => event.endsWith("starts")),
    ["0: first starts", "120000: second starts"],
  );
});

test("no history with budgets breaks a promise", async () => {
  await keepEveryPromise({ count: 500, firstSeed: 250_000, with: { budgets: 0.8, waited: 0.1 } });
});

test("no history in which all needs budget, lanes and limits change and tasks are put back does", async () => {
  await keepEveryPromise({
    count: 250,
    firstSeed: 255_000,
    with: { budgets: 1, updates: 0.2, requeues: 0.3, wide: 0.3, aging: true },
  });
});
