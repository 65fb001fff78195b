/** Counters, reasons, records and times to come back tell one and the same story (promises 11 and 13). */

import assert from "node:assert/strict";
import { test } from "node:test";
import { REASONS, isLanewayError } from "../../src/core/errors.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { seeded } from "../../src/testing/random.ts";
import { simulate } from "../../src/testing/simulate.ts";
import { keepEveryPromise } from "./history.ts";

test("counters and reasons in the snapshot agree with the records", async () => {
  const clock = new TestClock();
  const random = seeded(13);
  const resource = new Resource({
    name: "db",
    limit: 2,
    clock,
    lanes: [
      { name: "a", queue: { max: 3, timeoutMs: 30 } },
      { name: "b", queue: { max: 3 } },
    ],
  });
  const outcomes = new Map<string, number>();
  const reasons = new Map<string, number>();
  resource.onRecord(({ lane, outcome, reason }) => {
    outcomes.set(`${lane} ${outcome}`, (outcomes.get(`${lane} ${outcome}`) ?? 0) + 1);
    if (reason !== undefined) reasons.set(`${lane} ${reason}`, (reasons.get(`${lane} ${reason}`) ?? 0) + 1);
  });
  for (let i = 0; i < 500; i++) {
    const task = {
      lane: random.pick(["a", "b"]),
      flow: random.pick(["x", "y"]),
      ...(random.next() < 0.2 ? { timeoutMs: 20 } : {}),
    };
    resource.run(() => clock.sleep(random.exponential(20)), task).catch(() => undefined);
    await clock.advance(random.exponential(8));
  }
  await clock.advance(10_000);
  for (const lane of resource.snapshot().lanes) {
    for (const key of ["finished", "failed", "rejected", "evicted", "timedOut", "cancelled"] as const)
      assert.equal(lane[key], outcomes.get(`${lane.name} ${key}`) ?? 0, `${lane.name} ${key}`);
    for (const [reason, count] of Object.entries(lane.reasons))
      assert.equal(count, reasons.get(`${lane.name} ${reason}`) ?? 0, reason);
    assert.equal(lane.admitted, lane.finished + lane.failed);
  }
});

test("the codes and reasons are a closed list", () => {
  assert.deepEqual(REASONS, {
    LANEWAY_REJECTED: ["lane-full", "resource-full", "flow-share", "memory", "next-service"],
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

test("clients that obey retry-after after a finite spike: most are admitted on their first retry, none is told too late", async () => {
  const { tasks } = await simulate({
    seed: 13,
    durationMs: 120_000,
    resource: {
      name: "db",
      limit: 8,
      lanes: [{ name: "only", queue: { max: 20, timeoutMs: 1e6 }, timeoutMs: 1e6 }],
    },
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
