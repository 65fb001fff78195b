/** What a day of traffic must not leave behind. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lane } from "../../src/core/lane.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { collect } from "../collect.ts";
import { schedulerOf } from "./inside.ts";

function heapAfterCollection(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

function remembered(resource: Resource): number {
  return schedulerOf(resource).all.reduce((sum: number, lane: Lane) => sum + lane.fair.remembered, 0);
}

/** The lane keeps a thousand idle flows at hand, and looks at two for each that turns idle. */
const KEPT = 2 * 1_024 + 100;

test("a million distinct flow names leave nothing behind", async () => {
  const clock = new TestClock();
  const resource = new Resource({ name: "db", limit: 4, clock, lanes: [{ name: "only" }] });
  const name = (n: number) => `flow-${n}-with-a-name-as-long-as-an-api-key-or-an-address`;
  const serve = async (from: number, to: number) => {
    for (let n = from; n < to; n++) {
      const permit = resource.tryAcquire({ flow: name(n) })!;
      if (n % 1_000 === 0) await clock.advance(1);
      permit.release();
    }
  };
  await serve(0, 100_000);
  const before = heapAfterCollection();
  await serve(100_000, 1_100_000);
  const grown = heapAfterCollection() - before;
  assert.ok(remembered(resource) <= KEPT, `${remembered(resource)} flows are remembered`);
  assert.ok(grown < 1_000_000, `the heap grew by ${grown} bytes, one for each name`);
});

test("flows that only waited, were refused, put out, cancelled or timed out are forgotten as well", async () => {
  const clock = new TestClock();
  const resource = new Resource({
    name: "db",
    limit: 1,
    clock,
    lanes: [{ name: "only", queue: { max: 50, timeoutMs: 10 } }],
  });
  const held = await resource.acquire();
  for (let n = 0; n < 20_000; n++) {
    const leaver = new AbortController();
    resource.acquire({ flow: `flow-${n}`, signal: leaver.signal }).catch(() => undefined);
    if (n % 3 === 0) leaver.abort();
    resource.tryAcquire({ flow: `try-${n}` });
    if (n % 100 === 0) await clock.advance(11);
  }
  await clock.advance(20);
  assert.equal(resource.snapshot().waiting, 0);
  assert.ok(remembered(resource) <= KEPT, `${remembered(resource)} flows are remembered`);
  held.release();
});

test("flows that are behind in their turn are kept until they have caught up, and no longer", async () => {
  const clock = new TestClock();
  const resource = new Resource({
    name: "db",
    limit: 8,
    clock,
    lanes: [{ name: "only", queue: { max: 1e6 } }],
  });
  for (let n = 0; n < 20_000; n++) void resource.run(() => clock.sleep(n % 7), { flow: `flow-${n}` });
  await clock.advance(20_000);
  assert.equal(resource.snapshot().lanes[0]!.finished, 20_000);
  for (let n = 0; n < 10_000; n++) {
    void resource.run(() => clock.sleep(1), { flow: `later-${n}` });
    if (n % 8 === 7) await clock.advance(1);
  }
  assert.ok(remembered(resource) <= KEPT, `${remembered(resource)} flows are remembered`);
});

test("records are bounded, and a running task that everybody times out behind leaves no list of them", async () => {
  const clock = new TestClock();
  const resource = new Resource({
    name: "db",
    limit: 1,
    clock,
    lanes: [{ name: "only", queue: { max: 10, timeoutMs: 5 } }],
  });
  const held = await resource.acquire({ deadline: 1e9 });
  for (let n = 0; n < 5_000; n++) {
    resource.acquire({ id: `t${n}` }).catch(() => undefined);
    if (n % 5 === 0) await clock.advance(6);
  }
  assert.equal(resource.records().length, 256);
  held.release();
});
