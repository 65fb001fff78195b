/** Promise 16: wide tasks neither starve nor block. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "../../src/testing/random.ts";
import { keepEveryPromise } from "./history.ts";
import { fifo, laneway, simulated, tracing } from "./simulated.ts";
import type { Make } from "./simulated.ts";

const LONG = { timeoutMs: 1e6, queue: { timeoutMs: 1e6 } };

test("a wide head keeps free seats for one median run; then others may pass it, but not its own flow", async () => {
  const { clock, trace } = simulated({ limit: 2, aging: false, lanes: [{ name: "only", ...LONG }] });
  for (let i = 0; i < 4; i++) void trace.submit(`warm${i}`, 100);
  await clock.advance(200);
  trace.events.length = 0;
  void trace.submit("long", 1_000, { flow: "x" });
  void trace.submit("wide", 100, { width: 2, flow: "w" });
  void trace.submit("same flow", 100, { flow: "w" });
  void trace.submit("other", 50, { flow: "o" });
  await clock.advance(1_500);
  assert.deepEqual(
    trace.events,
    [
      "200: long starts", //  one seat is free from now on, and parked for the wide one
      "300: other starts", // one median run later another flow may pass
      "350: other ends",
      "1200: long ends",
      "1200: wide starts",
      "1300: wide ends",
      "1300: same starts",
      "1400: same ends",
    ].map((event) => event.replace("same ", "same flow ")),
  );
});

test("a wide head that is given time collects the seats as they come free", async () => {
  const { clock, trace } = simulated({ limit: 3, aging: false, lanes: [{ name: "only", ...LONG }] });
  for (let i = 0; i < 3; i++) void trace.submit(`warm${i}`, 50);
  await clock.advance(50);
  trace.events.length = 0;
  void trace.submit("a", 10, { flow: "a" });
  void trace.submit("b", 20, { flow: "b" });
  void trace.submit("c", 30, { flow: "c" });
  void trace.submit("wide", 10, { width: 3, flow: "w" });
  for (let i = 0; i < 5; i++) void trace.submit(`narrow${i}`, 10, { flow: "n" });
  await clock.advance(100);
  assert.deepEqual(trace.events.slice(0, 8), [
    "50: a starts",
    "50: b starts",
    "50: c starts",
    "60: a ends", // the seat stays empty
    "70: b ends", // and this one
    "80: c ends",
    "80: wide starts",
    "90: wide ends",
  ]);
});

test("a width is clamped to what its lane could ever hold", async () => {
  const { resource } = simulated({
    limit: 10,
    lanes: [
      { name: "critical", reservation: 4, lendable: 1 },
      { name: "normal", ceiling: 2 },
      { name: "bulk" },
    ],
  });
  for (const [lane, seats] of [
    ["critical", 10],
    ["normal", 2],
    ["bulk", 7],
  ] as const) {
    const permit = resource.tryAcquire({ lane, width: 99 })!;
    assert.equal(resource.snapshot().lanes.find(({ name }) => name === lane)!.seats, seats);
    permit.release();
  }
});

test("a width that fits no longer after an update is clamped anew", async () => {
  const { clock, resource, trace } = simulated({ limit: 8, lanes: [{ name: "only", ...LONG }] });
  void trace.submit("running", 50);
  void trace.submit("wide", 50, { width: 8 });
  await clock.advance(10);
  resource.update({ limit: 3 });
  await clock.advance(100);
  assert.deepEqual(trace.started, ["running", "wide"]);
});

test("a ceiling in the way of a wide head holds back its own lane only", async () => {
  const { clock, trace } = simulated({
    limit: 4,
    aging: false,
    lanes: [
      { name: "critical", ceiling: 2, ...LONG },
      { name: "bulk", ...LONG },
    ],
  });
  void trace.submit("c1", 100, { lane: "critical" });
  void trace.submit("wide", 10, { lane: "critical", width: 2 });
  for (let i = 1; i <= 3; i++) void trace.submit(`b${i}`, 10, { lane: "bulk" });
  await clock.advance(10);
  assert.deepEqual(trace.started, ["c1", "b1", "b2", "b3"]);
});

test("a wide head of a lower lane parks nothing that a higher lane wants", async () => {
  const { clock, trace } = simulated({
    limit: 2,
    aging: false,
    lanes: [
      { name: "critical", ...LONG },
      { name: "bulk", ...LONG },
    ],
  });
  void trace.submit("b1", 50, { lane: "bulk" });
  void trace.submit("wide", 10, { lane: "bulk", width: 2 });
  await clock.advance(10);
  void trace.submit("c1", 10, { lane: "critical" });
  await clock.advance(100);
  assert.deepEqual(trace.events.slice(0, 3), ["0: b1 starts", "10: c1 starts", "20: c1 ends"]);
});

/** A stream of narrow tasks and one wide one: the wide one starts, and meanwhile the narrow ones are not held up. */
async function neitherStarvesNorBlocks(make: Make, seed: number): Promise<void> {
  const random = seeded(seed);
  const limit = random.whole(3, 8);
  const { clock, trace } = tracing(make, {
    limit,
    aging: false,
    lanes: [{ name: "only", queue: { max: 1e5, timeoutMs: 1e7 }, timeoutMs: 1e7 }],
  });
  for (let i = 0; i < 3 * limit; i++) void narrow(i);
  async function narrow(i: number): Promise<void> {
    while (clock.now() < 60_000) await trace.submit("narrow", random.exponential(20), { flow: `n${i % 3}` });
  }
  await clock.advance(1_000);
  // One seat is held for very long, and the wide task wants them all.
  void trace.submit("long", 20_000, { flow: "long" });
  void trace.submit("wide", 20, { width: limit, flow: "wide" });
  const before = trace.started.length;
  await clock.advance(20_000);
  const served = trace.started.length - before;
  assert.ok(served > 20, `while the wide task waited only ${served} narrow ones were served (seed ${seed})`);
  await clock.advance(40_000);
  assert.ok(trace.started.includes("wide"), `the wide task never started (seed ${seed})`);
}

test("a task as wide as the limit starts under a steady load, which goes on meanwhile", async () => {
  for (let seed = 1; seed <= 3; seed++) await neitherStarvesNorBlocks(laneway, seed);
  await assert.rejects(neitherStarvesNorBlocks(fifo, 1), /only .* narrow ones were served/);
});

test("no history blocks behind a wide task or forgets one", async () => {
  await keepEveryPromise({ count: 150, firstSeed: 160_000, with: { wide: 0.5 } });
});
