/** Promise 13: shed, late and slow tasks leave a record that explains them, and an honest time to come back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LanewayError, REASONS, isLanewayError } from "../../src/core/errors.ts";
import type { TaskRecord } from "../../src/core/snapshot.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { seeded } from "../../src/testing/random.ts";
import { simulate } from "../../src/testing/simulate.ts";
import { keepEveryPromise } from "./history.ts";
import { simulated } from "./simulated.ts";

test("a task that was shed leaves a record of who, where, why and behind whom", async () => {
  const { clock, resource } = simulated({
    limit: 3,
    lanes: [{ name: "critical" }, { name: "bulk", queue: { max: 1 } }],
  });
  await clock.advance(7);
  await resource.acquire({ lane: "critical", width: 2 });
  await resource.acquire({ lane: "bulk" });
  resource.acquire({ lane: "bulk" }).catch(() => undefined);
  const shed = resource.acquire({ lane: "bulk", flow: "tenant-7", id: "r-1", rule: "laneway.yaml:17 path /api/export/**" });
  const error = await shed.catch((thrown: unknown) => thrown);
  assert.ok(isLanewayError(error));
  assert.deepEqual(resource.records(), [
    {
      id: "r-1",
      resource: "db",
      lane: "bulk",
      flow: "tenant-7",
      rule: "laneway.yaml:17 path /api/export/**",
      outcome: "rejected",
      reason: "lane-full",
      arrivedAt: 7,
      endedAt: 7,
      waitMs: 0,
      runMs: 0,
      position: 1,
      seatsHeldBy: { critical: 2, bulk: 1 },
      retryAfterMs: error.retryAfterMs,
      late: false,
      slow: false,
      outOfTurn: false,
    },
  ]);
});

test("an error says where, what was expected, how long it waited, and when to come back", async () => {
  const { clock, resource } = simulated({ limit: 1, lanes: [{ name: "bulk", queue: { max: 5, timeoutMs: 40 } }] });
  await resource.acquire();
  const waiting = resource.acquire({ flow: "tenant-7" }).catch((thrown: unknown) => thrown);
  await clock.advance(40);
  const error = await waiting;
  assert.ok(error instanceof LanewayError);
  assert.equal(error.message, 'resource "db", lane "bulk": waited 40 ms, longer than the lane\'s queue time-out of 40 ms; try again in 1.0 s');
  const { code, reason, resource: name, lane, flow, waitMs, retryAfterMs } = error;
  assert.deepEqual(
    { code, reason, name, lane, flow, waitMs, retryAfterMs },
    { code: "LANEWAY_TIMEOUT", reason: "queue", name: "db", lane: "bulk", flow: "tenant-7", waitMs: 40, retryAfterMs: 1_000 },
  );
});

test("a subscriber gets every task, with its position and the seats held when it came", async () => {
  const { clock, resource } = simulated({ limit: 1, lanes: [{ name: "a" }, { name: "b" }] });
  const records: TaskRecord[] = [];
  const stop = resource.onRecord((record) => records.push(record));
  for (const [i, lane] of ["a", "b", "b"].entries()) void resource.run(() => clock.sleep(10), { lane, id: `t${i}` });
  await clock.advance(100);
  stop();
  await resource.run(() => {});
  assert.deepEqual(
    records.map(({ id, outcome, waitMs, runMs, position, seatsHeldBy }) => ({ id, outcome, waitMs, runMs, position, seatsHeldBy })),
    [
      { id: "t0", outcome: "finished", waitMs: 0, runMs: 10, position: 0, seatsHeldBy: {} },
      { id: "t1", outcome: "finished", waitMs: 10, runMs: 10, position: 0, seatsHeldBy: { a: 1, b: 0 } },
      { id: "t2", outcome: "finished", waitMs: 20, runMs: 10, position: 1, seatsHeldBy: { a: 1, b: 0 } },
    ],
  );
});

test("a slow task and one picked out of turn are kept, ordinary ones are not", async () => {
  const { clock, resource } = simulated({
    limit: 1,
    aging: { afterMs: 100, budget: 0.5 },
    lanes: [{ name: "critical" }, { name: "bulk" }],
  });
  for (let i = 0; i < 30; i++) void resource.run(() => clock.sleep(10), { lane: "critical", id: `c${i}` });
  void resource.run(() => clock.sleep(10), { lane: "bulk", id: "old" });
  await clock.advance(500);
  void resource.run(() => clock.sleep(80), { lane: "critical", id: "slow" });
  await clock.advance(100);
  const kept = resource.records().filter(({ id }) => ["old", "slow"].includes(id) || !id.startsWith("c"));
  assert.deepEqual(kept.map(({ id, slow, outOfTurn }) => ({ id, slow, outOfTurn })), [
    { id: "old", slow: false, outOfTurn: true },
    { id: "slow", slow: true, outOfTurn: false },
  ]);
  assert.ok(resource.records().every(({ slow, outOfTurn }) => slow || outOfTurn));
});

test("counters and reasons in the snapshot agree with the records", async () => {
  const clock = new TestClock();
  const random = seeded(13);
  const resource = new Resource({ name: "db", limit: 2, clock, lanes: [{ name: "a", queue: { max: 3, timeoutMs: 30 } }, { name: "b", queue: { max: 3 } }] });
  const outcomes = new Map<string, number>();
  const reasons = new Map<string, number>();
  resource.onRecord(({ lane, outcome, reason }) => {
    outcomes.set(`${lane} ${outcome}`, (outcomes.get(`${lane} ${outcome}`) ?? 0) + 1);
    if (reason !== undefined) reasons.set(`${lane} ${reason}`, (reasons.get(`${lane} ${reason}`) ?? 0) + 1);
  });
  for (let i = 0; i < 500; i++) {
    const task = { lane: random.pick(["a", "b"]), flow: random.pick(["x", "y"]), ...(random.next() < 0.2 ? { timeoutMs: 20 } : {}) };
    resource.run(() => clock.sleep(random.exponential(20)), task).catch(() => undefined);
    await clock.advance(random.exponential(8));
  }
  await clock.advance(10_000);
  for (const lane of resource.snapshot().lanes) {
    for (const key of ["finished", "failed", "rejected", "evicted", "timedOut", "cancelled"] as const)
      assert.equal(lane[key], outcomes.get(`${lane.name} ${key}`) ?? 0, `${lane.name} ${key}`);
    for (const [reason, count] of Object.entries(lane.reasons)) assert.equal(count, reasons.get(`${lane.name} ${reason}`) ?? 0, reason);
    assert.equal(lane.admitted, lane.finished + lane.failed);
  }
});

test("the codes and reasons are the table of the design", () => {
  assert.deepEqual(REASONS, {
    LANEWAY_REJECTED: ["lane-full", "resource-full", "flow-share"],
    LANEWAY_EVICTED: ["outranked", "flow-share"],
    LANEWAY_TIMEOUT: ["queue", "task", "predicted"],
    LANEWAY_DEADLINE: ["predicted", "passed"],
    LANEWAY_DRAINING: ["draining", "drain-timeout"],
    LANEWAY_DEADLOCK: ["nested"],
    LANEWAY_UPSTREAM: ["unreachable", "reset", "malformed"],
    LANEWAY_INVALID: ["invalid"],
  });
});

test("an error of another copy of the package is recognised", () => {
  class Other extends Error {
    readonly "~laneway" = true;
  }
  assert.ok(isLanewayError(new Other()));
  assert.ok(!isLanewayError(new Error("no")));
  assert.ok(!isLanewayError({ "~laneway": true }));
});

test("retry-after is jittered upwards by at most a tenth, and bounded", async () => {
  for (const [chance, expected] of [[0, 1_000], [1, 1_100]] as const) {
    const resource = new Resource({ name: "db", limit: 1, clock: new TestClock(), random: () => chance, lanes: [{ name: "a", queue: { max: 0 } }] });
    await resource.acquire();
    await assert.rejects(resource.acquire(), { retryAfterMs: expected });
  }
  const { clock, resource } = simulated({ limit: 1, lanes: [{ name: "a", timeoutMs: 1e9, queue: { max: 2, timeoutMs: 1e9 } }] });
  void resource.run(() => clock.sleep(600_000));
  await clock.advance(600_000);
  for (let i = 0; i < 3; i++) void resource.run(() => clock.sleep(600_000));
  await assert.rejects(resource.acquire(), { retryAfterMs: 59_000 });
});

test("clients that obey retry-after after a finite spike: most are admitted on their first retry, none is told too late", async () => {
  const { tasks } = await simulate({
    seed: 13,
    durationMs: 120_000,
    resource: { name: "db", limit: 8, lanes: [{ name: "only", queue: { max: 20, timeoutMs: 1e6 }, timeoutMs: 1e6 }] },
    loads: [
      { burst: 16, runMs: 200 },
      { burst: 200, fromMs: 1_000, runMs: 200, retries: 10 },
    ],
  });
  const back = tasks.filter(({ returnedAt }) => returnedAt.length > 0);
  const first = back.filter(({ refusals }) => refusals === 1).length;
  assert.ok(back.length > 100, `only ${back.length} were refused`);
  assert.ok(first >= 0.8 * back.length, `${first} of ${back.length} were admitted on their first retry`);
  const done = Math.max(...tasks.map(({ endedAt }) => endedAt!));
  // 200 tasks of 200 ms on 8 seats need 5 s.
  assert.ok(done - 1_000 <= 1.5 * 5_000, `the last one ended ${done - 1_000} ms after the spike`);
});

test("no history refuses without a reason of the table, or says a time that is out of bounds", async () => {
  await keepEveryPromise({ count: 80, firstSeed: 130_000, with: { tinyQueues: 0.8, dueSoon: 0.3 } });
});
