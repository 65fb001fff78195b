/** Promise 3: no seat is idle while an eligible task waits; lending happens at the next dispatch, never on a timer. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Resource } from "../../src/node/resource.ts";
import { CountingClock } from "./history/counting-clock.ts";
import { keepEveryPromise } from "./history.ts";
import { simulated } from "./simulated.ts";

test("the lowest lane takes every lendable seat in the instant it comes", async () => {
  const { clock, resource, trace } = simulated({
    limit: 4,
    lanes: [
      { name: "critical", reservation: 2, lendable: 2 },
      { name: "normal", reservation: 2 },
      { name: "bulk" },
    ],
  });
  for (let i = 1; i <= 5; i++) void trace.submit(`b${i}`, 10, { lane: "bulk" });
  assert.deepEqual(
    resource.snapshot().lanes.map((lane) => lane.seats),
    [0, 0, 4],
  );
  await clock.advance(20);
  assert.deepEqual(trace.events.slice(0, 6), [
    "0: b1 starts",
    "0: b2 starts",
    "0: b3 starts",
    "0: b4 starts",
    "10: b1 ends",
    "10: b5 starts",
  ]);
});

test("a higher lane uses whatever lower lanes leave idle", async () => {
  const { resource, trace } = simulated({
    limit: 4,
    lanes: [{ name: "critical" }, { name: "normal", reservation: 3 }, { name: "bulk", reservation: 1 }],
  });
  for (let i = 1; i <= 4; i++) void trace.submit(`c${i}`, 10, { lane: "critical" });
  assert.equal(resource.snapshot().lanes[0]!.seats, 4);
});

test("a seat is lent and taken back without a timer: time stands still all along", () => {
  const clock = new CountingClock();
  const resource = new Resource({
    name: "db",
    limit: 2,
    clock,
    lanes: [{ name: "critical", reservation: 2, lendable: 2 }, { name: "bulk" }],
  });
  const first = resource.tryAcquire({ lane: "bulk" })!;
  const second = resource.tryAcquire({ lane: "bulk" })!;
  void resource.acquire({ lane: "bulk" });
  void resource.acquire({ lane: "critical" });
  void resource.acquire({ lane: "critical" });
  first.release();
  assert.deepEqual(
    resource.snapshot().lanes.map((lane) => lane.seats),
    [1, 1],
  );
  second.release();
  assert.deepEqual(
    resource.snapshot().lanes.map((lane) => lane.seats),
    [2, 0],
  );
  assert.equal(clock.set, 1);
});

test("a ceiling keeps its own lane back and nobody else", async () => {
  const { clock, resource, trace } = simulated({
    limit: 3,
    lanes: [
      { name: "critical", ceiling: 1 },
      { name: "bulk", ceiling: "67%" },
    ],
  });
  for (let i = 1; i <= 2; i++) void trace.submit(`c${i}`, 10, { lane: "critical" });
  for (let i = 1; i <= 3; i++) void trace.submit(`b${i}`, 10, { lane: "bulk" });
  assert.deepEqual(
    resource.snapshot().lanes.map((lane) => lane.seats),
    [1, 2],
  );
  await clock.advance(20);
  assert.deepEqual(trace.started, ["c1", "b1", "b2", "c2", "b3"]);
});

test("when a waiter leaves the queue, those that stood behind it move up in the same call", async () => {
  const { clock, resource, trace } = simulated({ limit: 2, lanes: [{ name: "only" }] });
  const leaver = new AbortController();
  void trace.submit("running", 100);
  const wide = resource.acquire({ width: 2, signal: leaver.signal });
  void trace.submit("behind", 10);
  await clock.advance(20);
  assert.equal(resource.snapshot().seatsInUse, 1);
  leaver.abort();
  assert.equal(resource.snapshot().seatsInUse, 2);
  await assert.rejects(wide, { name: "AbortError" });
  await clock.advance(20);
  assert.deepEqual(trace.events, ["0: running starts", "20: behind starts", "30: behind ends"]);
});

test("when the wide head is put out of a full queue, the seats that were parked for it are used at once", async () => {
  const { clock, trace } = simulated({
    limit: 3,
    lanes: [{ name: "only", queue: { max: 1 } }],
    flowWeight: (flow) => (flow === "heavy" ? 0.5 : 1),
  });
  void trace.submit("running", 100);
  void trace.submit("wide", 10, { width: 3, flow: "heavy" });
  void trace.submit("narrow", 10, { flow: "light" });
  await clock.advance(20);
  assert.deepEqual(trace.events.toSorted(), [
    "0: narrow starts",
    "0: running starts",
    "0: wide refused: LANEWAY_EVICTED flow-share",
    "10: narrow ends",
  ]);
});

test("a wide tryAcquire that fails holds nobody back", async () => {
  const { clock, resource, trace } = simulated({ limit: 3, lanes: [{ name: "only" }] });
  void trace.submit("running", 100);
  assert.equal(resource.tryAcquire({ width: 3 }), undefined);
  void trace.submit("narrow", 10);
  await clock.advance(0);
  assert.deepEqual(trace.started, ["running", "narrow"]);
});

test("no history leaves a seat idle that a waiter could use", async () => {
  await keepEveryPromise({ count: 120, firstSeed: 30_000, with: { aging: true } });
});

test("nor does one with wide tasks, tiny queues and callers that leave", async () => {
  await keepEveryPromise({
    count: 80,
    firstSeed: 35_000,
    with: { wide: 0.4, tinyQueues: 0.8, cancelled: 0.3 },
  });
});
