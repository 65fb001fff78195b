/** Promise 7: first in, first out within a flow; a task that is put back keeps its place and its age. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLanewayError } from "../../src/core/errors.ts";
import type { Permit } from "../../src/core/permit.ts";
import { seeded } from "../../src/testing/random.ts";
import { keepEveryPromise } from "./history.ts";
import { simulated } from "./simulated.ts";

const LONG = { timeoutMs: 1e7, queue: { timeoutMs: 1e7 } };

test("one flow is served in order of arrival, whatever its tasks take", async () => {
  const { clock, trace } = simulated({ limit: 3, lanes: [{ name: "only", ...LONG }] });
  const random = seeded(7);
  const names = Array.from({ length: 200 }, (_, i) => `t${i}`);
  for (const name of names) void trace.submit(name, random.exponential(10), { flow: "one" });
  await clock.advance(10_000);
  assert.deepEqual(trace.started, names);
});

test("a task that is put back gives its seat up and goes before those that came after it", async () => {
  const { clock, resource, trace } = simulated({ limit: 1, lanes: [{ name: "only" }] });
  const first = await resource.acquire({ flow: "one" });
  for (const name of ["second", "third"]) void trace.submit(name, 10, { flow: "one" });
  const again = first.requeue();
  trace.note("first is put back");
  const permit = await again;
  trace.note("first goes on");
  permit.release();
  await clock.advance(30);
  assert.deepEqual(trace.events.slice(0, 3), [
    "0: first is put back",
    "0: first goes on",
    "0: second starts",
  ]);
});

test("while it backs off those behind it may pass, and then it is first again", async () => {
  const { clock, resource, trace } = simulated({ limit: 1, lanes: [{ name: "only" }] });
  const first = await resource.acquire({ flow: "one" });
  for (const name of ["second", "third", "fourth"]) void trace.submit(name, 10, { flow: "one" });
  const again = first.requeue({ afterMs: 15, reason: "retry" });
  void again.then((permit) => {
    trace.note("first goes on");
    permit.release();
  });
  await clock.advance(100);
  assert.deepEqual(trace.events, [
    "0: second starts",
    "10: second ends",
    "10: third starts", // first is ready at 15, in the middle of this one
    "20: third ends",
    "20: first goes on",
    "20: fourth starts",
    "30: fourth ends",
  ]);
});

test("several that were put back stand in the order in which they first came", async () => {
  const { clock, resource, trace } = simulated({ limit: 3, lanes: [{ name: "only", ceiling: 3 }] });
  const permits: Permit[] = [];
  for (const name of ["a", "b", "c"]) permits.push(await resource.acquire({ flow: "one", id: name }));
  const order: string[] = [];
  const goOn = (name: string, turn: Promise<Permit>) =>
    void turn.then((permit) => {
      order.push(name);
      permit.release();
    });
  for (let i = 0; i < 3; i++) void trace.submit(`new${i}`, 10, { flow: "one" });
  resource.update({ limit: 1 });
  goOn("c", permits[2]!.requeue({ afterMs: 5 }));
  goOn("a", permits[0]!.requeue({ afterMs: 6 }));
  goOn("b", permits[1]!.requeue({ afterMs: 7 }));
  await clock.advance(100);
  assert.deepEqual(order, ["a", "b", "c"]);
  assert.deepEqual(trace.started, ["new0", "new1", "new2"]);
  assert.equal(trace.events.indexOf("10: new1 starts"), 2);
});

test("one that is put back passes the bound of a full queue and is not put out by it", async () => {
  const { clock, resource, trace } = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 1 } }] });
  const first = await resource.acquire({ flow: "one" });
  void trace.submit("second", 10, { flow: "one" });
  const again = first.requeue({ afterMs: 5 });
  void trace.submit("third", 10, { flow: "one" });
  await clock.advance(7);
  void trace.submit("fourth", 10, { flow: "two" });
  await clock.advance(3);
  const permit = await again;
  assert.equal(permit.waitMs, 5);
  permit.release();
  await clock.advance(20);
  assert.deepEqual(trace.events, [
    "0: second starts",
    "7: fourth refused: LANEWAY_REJECTED lane-full", // one waits, one was put back: full, and both stay
    "10: second ends",
    "10: third starts",
    "20: third ends",
  ]);
});

test("a queue time-out counts queued time only, over all turns; running and backing off do not count", async () => {
  const { clock, resource } = simulated({
    limit: 1,
    lanes: [{ name: "only", timeoutMs: 1_000, queue: { timeoutMs: 50 } }],
  });
  const blocker = await resource.acquire();
  const waiting = resource.acquire();
  await clock.advance(30); //                   30 ms queued
  blocker.release();
  const permit = await waiting;
  assert.equal(permit.waitMs, 30);
  await clock.advance(100); //                  a run
  const turn = permit.requeue({ afterMs: 100 }); // and a back-off
  await clock.advance(90);
  const second = await resource.acquire();
  await clock.advance(29); //                   19 ms queued: 49 in all
  const late = assert.rejects(turn, (error: unknown) => {
    assert.ok(isLanewayError(error));
    assert.deepEqual([error.code, error.reason, error.waitMs], ["LANEWAY_TIMEOUT", "queue", 50]);
    return true;
  });
  assert.equal(resource.snapshot().waiting, 1);
  await clock.advance(1);
  assert.equal(resource.snapshot().waiting, 0);
  await late;
  second.release();
});

test("a task's time-out counts everything: waits, runs and back-offs", async () => {
  const { clock, resource, trace } = simulated({ limit: 1, lanes: [{ name: "only", timeoutMs: 100 }] });
  const outcome = resource.run(async (permit) => {
    await clock.sleep(10);
    await permit.requeue({ afterMs: 70 });
    trace.note("second try");
    await clock.sleep(40);
  });
  const failed = assert
    .rejects(outcome, { code: "LANEWAY_TIMEOUT", reason: "task" })
    .then(() => trace.note("answered"));
  await clock.advance(200);
  await failed;
  assert.deepEqual(trace.events, ["80: second try", "100: answered"]);
  const { failed: failures, timedOut } = resource.snapshot().lanes[0]!;
  assert.deepEqual([failures, timedOut], [1, 0]);
});

test("requeues add nothing to the counters: a task counts once", async () => {
  const { resource } = simulated({ limit: 1, lanes: [{ name: "only" }] });
  let permit = await resource.acquire();
  for (let i = 0; i < 5; i++) permit = await permit.requeue();
  permit.release();
  const { admitted, finished, failed } = resource.snapshot().lanes[0]!;
  assert.deepEqual([admitted, finished, failed], [1, 1, 0]);
});

test("waiters of a lane that is gone stand by their age among those of the lowest, put back or not", async () => {
  const { clock, resource, trace } = simulated({
    limit: 2,
    aging: false,
    lanes: [{ name: "gone", ceiling: 1 }, { name: "low" }],
  });
  void trace.submit("running", 100, { lane: "gone" });
  void trace.submit("old", 10, { lane: "gone", flow: "one" });
  const young = await resource.acquire({ lane: "low", flow: "one" });
  void trace.submit("youngest", 10, { lane: "low", flow: "one" });
  resource.update({ limit: 1 });
  void young.requeue().then((permit) => {
    trace.note("young goes on");
    permit.release();
  });
  resource.update({ lanes: [{ name: "low" }] });
  await clock.advance(200);
  assert.deepEqual(trace.events.slice(1), [
    "100: running ends",
    "100: old starts",
    "110: old ends",
    "110: young goes on",
    "110: youngest starts",
    "120: youngest ends",
  ]);
});

test("a permit that was released cannot be put back", async () => {
  const { resource } = simulated({ limit: 1, lanes: [{ name: "only" }] });
  const permit = await resource.acquire();
  permit.release();
  assert.throws(() => permit.requeue(), {
    code: "LANEWAY_INVALID",
    message: /permit\.requeue: expected a permit that is held, found "one that was released"/,
  });
  assert.throws(() => permit.requeue({ afterMs: -1 }), {
    code: "LANEWAY_INVALID",
    message: /afterMs: expected a number from 0/,
  });
});

test("no history lets a task pass an older one of its flow", async () => {
  await keepEveryPromise({
    count: 120,
    firstSeed: 70_000,
    with: { requeues: 0.4, wide: 0.2, updates: 0.05 },
  });
});
