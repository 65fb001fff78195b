/** What else meets budgets: deadlines, updates, exempt lanes, shadow mode, reports and names without end. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { simulated } from "../simulated.ts";
import type { Options } from "../simulated.ts";
import { LONG, left, spend, twoLanes } from "./two-lanes.ts";

const MINUTE = 60_000;

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

test("a newcomer that its budget alone would make late is refused at once, with when to come back", async () => {
  const made = twoLanes({ inputTokens: 6_000 });
  spend(made, 6_000);
  void made.trace.submit("ahead", 0, { lane: "high", cost: { inputTokens: 1_000 } });
  const late = made.resource.acquire({ cost: { inputTokens: 1_000 }, timeoutMs: 19_000 });
  await assert.rejects(late, { code: "LANEWAY_DEADLINE", reason: "predicted" });
  void made.trace.submit("in time", 0, { cost: { inputTokens: 1_000 }, timeoutMs: 21_000 });
  await made.clock.advance(21_000);
  assert.deepEqual(made.trace.started, ["ahead", "in time"]);
});

test("a pause longer than a newcomer's deadline refuses it at once", async () => {
  const { resource } = simulated({ limit: 4 });
  resource.budget("opus").pause(10_000);
  await assert.rejects(resource.acquire({ budget: "opus", timeoutMs: 9_000 }), { reason: "predicted" });
});

test("other sizes keep what is left, scaled down where a bucket shrinks, and drop no waiter", async () => {
  const made = twoLanes({ inputTokens: 6_000 });
  spend(made, 3_000);
  made.resource.update({ budgets: { inputTokens: 600 } });
  assert.equal(left(made), 300);
  void made.trace.submit("waits", 0, { cost: { inputTokens: 500 } });
  made.resource.update({ budgets: { inputTokens: 60_000 } });
  assert.equal(left(made), 300);
  await made.clock.advance(199);
  assert.deepEqual(made.trace.started, []);
  await made.clock.advance(1);
  assert.deepEqual(made.trace.started, ["waits"]);
});

test("budgets follow a change of lanes: a lane that is gone keeps nothing, and its waiters still have their turn", async () => {
  const made = simulated(FLOORED);
  spend(made, 48_000);
  void made.trace.submit("waits", 0, { lane: "critical", cost: { inputTokens: 13_000 } });
  made.resource.update({ lanes: [{ name: "bulk", ...LONG }] });
  assert.equal(left(made), 12_000);
  await made.clock.advance(1_000);
  assert.deepEqual(made.trace.started, ["waits"]);
});

test("an exempt lane waits for no budget, but what it uses is gone", async () => {
  const made = twoLanes(
    { requests: 10 },
    {
      lanes: [
        { name: "probes", exempt: true },
        { name: "low", ...LONG },
      ],
    },
  );
  for (let i = 0; i < 11; i++) await made.resource.acquire({ lane: "probes" });
  assert.equal(made.resource.budget().left.requests, -1);
  assert.equal(made.resource.tryAcquire(), undefined);
});

test("in shadow mode nothing is held back for want of budget", async () => {
  const made = twoLanes({ requests: 2 }, { enforce: false });
  for (let i = 0; i < 5; i++) void made.trace.submit(`task ${i}`, 10);
  await made.clock.advance(10);
  assert.equal(made.trace.started.length, 5);
  assert.equal(made.resource.snapshot().lanes[1]!.finished, 5);
});

test("in shadow mode a task that would still wait knows which budget it uses, and that one is charged", async () => {
  const { resource } = twoLanes({ requests: 10 }, { enforce: false, limit: 1 });
  const first = await resource.acquire({ budget: ["key-0", "key-1"] });
  const second = await resource.acquire({ budget: ["key-0", "key-1"] });
  assert.deepEqual([first.budget, second.budget], ["key-0", "key-1"]);
  first.release();
  assert.equal(second.budget, "key-1");
  second.release();
  assert.equal(resource.budget("key-0").left.requests, 9);
  assert.equal(resource.budget("key-1").left.requests, 9);
});

test("the snapshot says what each budget has left, whether it is paused and who waits for it", async () => {
  const made = twoLanes({
    requests: 60,
    of: (name) => (name === "opus" ? { inputTokens: 6_000 } : undefined),
  });
  spend(made, 6_000, "opus");
  made.resource.budget("opus").pause(500);
  void made.trace.submit("waits", 0, { budget: "opus", cost: { inputTokens: 10 } });
  assert.deepEqual(made.resource.snapshot().budgets, [
    {
      name: "opus",
      pausedMs: 500,
      waiting: 1,
      requests: { perMinute: 60, left: 60 },
      inputTokens: { perMinute: 6_000, left: 0 },
    },
  ]);
});

test("the record says which budget was charged, or which were waited for", async () => {
  const made = twoLanes({ requests: 1 });
  const found: (string | undefined)[] = [];
  made.resource.onRecord((record) => found.push(record.budget));
  (await made.resource.acquire({ budget: ["key-0", "key-1"] })).release();
  (await made.resource.acquire({ budget: ["key-1", "key-0"] })).release();
  void made.trace.submit("waits", 0, { budget: ["key-0", "key-1"], timeoutMs: 59_000 });
  assert.deepEqual(found, ["key-0", "key-1", "key-0, key-1"]);
});

test("a task tried without waiting leaves no timer behind when its budget lacks", async () => {
  const made = twoLanes({ requests: 1 });
  made.resource.tryAcquire()!.release();
  assert.equal(made.resource.tryAcquire(), undefined);
  await made.clock.advance(200);
  const wakes = made.clock.after;
  let set = 0;
  made.clock.after = (ms, fn) => {
    set++;
    return wakes.call(made.clock, ms, fn);
  };
  await made.clock.advance(30 * MINUTE);
  assert.equal(set, 0);
});

test("with a spread the refill of a full bucket begins so much later, and the bucket is no smaller for it", async () => {
  const made = twoLanes({ requests: 60, spreadMs: 250 });
  for (let i = 1; i <= 62; i++) void made.trace.submit(`task ${i}`, 0);
  await made.clock.advance(2_300);
  const starts = made.trace.events.filter((event) => event.endsWith("starts"));
  assert.deepEqual(starts.slice(59), ["0: task 60 starts", "1250: task 61 starts", "2250: task 62 starts"]);
});

test("names that nobody uses any more are forgotten, and those that say something are not", async () => {
  const made = twoLanes({ requests: 60_000 });
  made.resource.budget("paused").pause(10 * MINUTE);
  for (let i = 0; i < 20_000; i++) {
    made.resource.tryAcquire({ budget: `made up ${i}` })!.release();
    await made.clock.advance(1);
  }
  assert.ok(
    made.resource.snapshot().budgets.length <= 1_025,
    `${made.resource.snapshot().budgets.length} kept`,
  );
  assert.ok(made.resource.budget("paused").pausedMs > 0);
});

test("names faster than they can be forgotten do not fill the memory either", () => {
  const made = twoLanes({ requests: 1 });
  for (let i = 0; i < 10_000; i++) made.resource.tryAcquire({ budget: `made up ${i}` })?.release();
  assert.ok(made.resource.snapshot().budgets.length <= 2_049);
});

test("what flows into a reservation that its own lane waits for is not kept from others twice", async () => {
  const made = twoLanes({ requests: 60_000, inputTokens: 60_000 });
  const { clock, resource, trace } = made;
  resource.budget().correct({ requests: 0, inputTokens: 0 });
  await clock.advance(4);
  const lanes = [
    { name: "high", reservation: "50%", lendable: 0, ...LONG },
    { name: "low", ...LONG },
  ] as const;
  resource.update({ lanes: [...lanes] });
  void trace.submit("high", 0, { lane: "high", cost: { requests: 5, inputTokens: 1_000 } });
  void trace.submit("low", 0, { lane: "low", cost: { requests: 1, inputTokens: 0 } });
  await clock.advance(100);
  // Four are there, which the high one needs with one more; two milliseconds later two of its five are its own.
  assert.deepEqual(trace.events.slice(0, 1), ["6: low starts"]);
});

test("what an aged task of a higher lane needs is kept for it once", async () => {
  const made = twoLanes({ requests: 60, inputTokens: 60_000 }, { aging: { afterMs: 10, budget: 0.3 } });
  void made.trace.submit("before", 1_000, { cost: { requests: 0 } });
  await made.clock.advance(1_000);
  made.trace.events.length = 0;
  made.resource.budget().correct({ requests: 0, inputTokens: 115 });
  void made.trace.submit("high", 0, { lane: "high", cost: { requests: 1, inputTokens: 100 } });
  await made.clock.advance(20);
  // Of the 135 that are there now 100 are for the high one, which lacks a request.
  void made.trace.submit("low", 0, { lane: "low", cost: { requests: 0, inputTokens: 30 } });
  await made.clock.advance(100);
  assert.deepEqual(made.trace.events.slice(0, 1), ["1020: low starts"]);
});
