/** A task that has waited in earlier submissions: before those of its flow that came later than it first did, and older. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLanewayError } from "../../src/core/errors.ts";
import { keepEveryPromise } from "./history.ts";
import { simulated } from "./simulated.ts";

const LONG = { timeoutMs: 1e7, queue: { timeoutMs: 1e7 } };
const ONE = { limit: 1, aging: false, lanes: [{ name: "only", ...LONG }] } as const;

test("it stands before those of its flow that came after it first did, and behind those that came before", async () => {
  const { clock, trace } = simulated(ONE);
  void trace.submit("runs", 1_000);
  void trace.submit("at 0", 1);
  await clock.advance(100);
  void trace.submit("at 100", 1);
  await clock.advance(100);
  void trace.submit("at 200", 1);
  await clock.advance(100);
  void trace.submit("since 150", 1, { waitedMs: 150 });
  void trace.submit("at 300", 1);
  await clock.advance(1_000);
  assert.deepEqual(trace.started, ["runs", "at 0", "at 100", "since 150", "at 200", "at 300"]);
});

test("two of them stand in the order of their age", async () => {
  const { clock, trace } = simulated(ONE);
  void trace.submit("runs", 1_000);
  await clock.advance(500);
  void trace.submit("at 500", 1);
  void trace.submit("since 400", 1, { waitedMs: 100 });
  void trace.submit("since 200", 1, { waitedMs: 300 });
  void trace.submit("since 300", 1, { waitedMs: 200 });
  await clock.advance(1_000);
  assert.deepEqual(trace.started, ["runs", "since 200", "since 300", "since 400", "at 500"]);
});

test("its wait says nothing about other flows, whose turn is by what they have had", async () => {
  const { clock, trace } = simulated(ONE);
  void trace.submit("runs", 100);
  void trace.submit("a", 10, { flow: "a" });
  void trace.submit("b", 10, { flow: "b", waitedMs: 50_000 });
  await clock.advance(200);
  assert.deepEqual(trace.started, ["runs", "a", "b"]);
});

test("aging counts what it has waited before", async () => {
  const { clock, trace } = simulated({
    limit: 1,
    aging: { afterMs: 1_000, budget: 0.5 },
    lanes: [
      { name: "top", ...LONG },
      { name: "low", ...LONG },
    ],
  });
  for (let i = 0; i < 6; i++) void trace.submit(`top ${i}`, 100, { lane: "top" });
  void trace.submit("low", 100, { lane: "low" });
  await clock.advance(50);
  void trace.submit("low, again", 100, { lane: "low", waitedMs: 970 });
  await clock.advance(1_000);
  // A second after it first came, the first that is free.
  assert.deepEqual(trace.started.slice(0, 4), ["top 0", "low, again", "top 1", "top 2"]);
});

test("it is a newcomer otherwise: bounded, counted once, and its own time-outs begin now", async () => {
  const { clock, resource, trace } = simulated({
    limit: 1,
    lanes: [{ name: "only", timeoutMs: 10_000, queue: { max: 1, timeoutMs: 500 } }],
  });
  void trace.submit("runs", 5_000);
  void trace.submit("waits", 1);
  const refused = await resource.acquire({ waitedMs: 60_000 }).catch((error: unknown) => error);
  assert.ok(isLanewayError(refused));
  assert.equal(refused.reason, "lane-full");
  await clock.advance(500);
  const turn = resource.acquire({ waitedMs: 60_000 }).catch((error: unknown) => error);
  await clock.advance(499);
  assert.equal(resource.snapshot().waiting, 1);
  await clock.advance(1);
  const late = await turn;
  assert.ok(isLanewayError(late));
  assert.deepEqual([late.reason, late.waitMs], ["queue", 500]);
});

test("those that are put back keep their place before it", async () => {
  const { clock, resource, trace } = simulated(ONE);
  const permit = await resource.acquire();
  await clock.advance(100);
  void trace.submit("since 50", 1, { waitedMs: 50 });
  const turn = permit.requeue();
  const again = await turn;
  assert.deepEqual(trace.started, []);
  again.release();
  await clock.advance(10);
  assert.deepEqual(trace.started, ["since 50"]);
});

test("no history in which tasks have waited before breaks a promise", async () => {
  await keepEveryPromise({
    count: 300,
    firstSeed: 258_000,
    with: { waited: 0.4, updates: 0.1, requeues: 0.2 },
  });
});
