/** Promise 2: a lane below its reservation gets the next seat; its floor stays idle rather than be lent. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "../../src/testing/random.ts";
import { keepEveryPromise } from "./history.ts";
import { fifo, laneway, simulated, tracing } from "./simulated.ts";
import type { Make } from "./simulated.ts";

test("the floor stays idle while others wait, so that a burst of its lane starts at once", async () => {
  const { clock, trace } = simulated({
    limit: 3,
    lanes: [{ name: "critical", reservation: 2, lendable: 1 }, { name: "bulk" }],
  });
  for (const name of ["b1", "b2", "b3"]) void trace.submit(name, 100, { lane: "bulk" });
  await clock.advance(50);
  void trace.submit("c1", 10, { lane: "critical" });
  void trace.submit("c2", 10, { lane: "critical" });
  await clock.advance(200);
  assert.deepEqual(trace.events, [
    "0: b1 starts",
    "0: b2 starts", //   one seat of critical's two is lent
    "50: c1 starts", //  the other one is not
    "60: c1 ends",
    "60: c2 starts",
    "70: c2 ends",
    "100: b1 ends",
    "100: b3 starts",
    "100: b2 ends",
    "200: b3 ends",
  ]);
});

test("what was lent is taken back as borrowers finish, before anybody above its own reservation", async () => {
  const { clock, trace } = simulated({
    limit: 2,
    aging: false,
    lanes: [{ name: "critical", reservation: 0 }, { name: "normal", reservation: 2 }, { name: "bulk" }],
  });
  void trace.submit("b1", 10, { lane: "bulk" });
  void trace.submit("b2", 20, { lane: "bulk" });
  void trace.submit("b3", 10, { lane: "bulk" });
  void trace.submit("c1", 10, { lane: "critical" });
  void trace.submit("n1", 30, { lane: "normal" });
  void trace.submit("n2", 30, { lane: "normal" });
  await clock.advance(100);
  assert.deepEqual(trace.started, ["b1", "b2", "n1", "n2", "c1", "b3"]);
});

test("seats that are lendable are lent whole, fixed numbers and percentages alike", async () => {
  for (const lendable of ["50%", 2] as const) {
    const { clock, resource, trace } = simulated({
      limit: 5,
      lanes: [{ name: "critical", reservation: 4, lendable }, { name: "bulk" }],
    });
    for (let i = 0; i < 5; i++) void trace.submit(`b${i}`, 10, { lane: "bulk" });
    assert.equal(resource.snapshot().seatsInUse, 3);
    await clock.advance(20);
    assert.equal(trace.started.length, 5);
  }
});

/** However long the others have held everything, a burst as wide as the floor starts in the instant it comes. */
async function burstsStartAtOnce(make: Make, seed: number): Promise<void> {
  const random = seeded(seed);
  const floor = random.whole(1, 3);
  const limit = floor + random.whole(1, 5);
  const { clock, trace } = tracing(make, {
    limit,
    lanes: [
      { name: "critical", reservation: floor, lendable: 0 },
      { name: "normal", reservation: 1 },
      { name: "bulk" },
    ],
  });
  for (let i = 0; i < 100; i++)
    void trace.submit(`other${i}`, random.exponential(30), { lane: random.pick(["normal", "bulk"]) });
  for (let burst = 0; burst < 5; burst++) {
    await clock.advance(random.exponential(60));
    const now = Math.round(clock.now());
    for (let i = 0; i < floor; i++) void trace.submit(`burst${burst}.${i}`, 5, { lane: "critical" });
    await clock.advance(20);
    for (let i = 0; i < floor; i++)
      assert.ok(
        trace.events.includes(`${now}: burst${burst}.${i} starts`),
        `burst ${burst} at ${now} had to wait (seed ${seed})`,
      );
  }
}

/** A lane within its reservation waits for one task of a borrower to end, never for a second one. */
async function waitsForOneTaskAtMost(make: Make, seed: number): Promise<void> {
  const random = seeded(seed);
  const limit = random.whole(2, 6);
  const { clock, trace } = tracing(make, {
    limit,
    aging: false,
    lanes: [{ name: "critical" }, { name: "normal", reservation: 1 }, { name: "bulk" }],
  });
  for (let i = 0; i < 200; i++)
    void trace.submit(`other${i}`, random.whole(5, 30), { lane: random.pick(["critical", "bulk"]) });
  for (let i = 0; i < 8; i++) {
    await clock.advance(random.exponential(30));
    const submitted = clock.now();
    void trace.submit(`mine${i}`, 5, { lane: "normal" });
    await clock.advance(36);
    const started = Number(
      trace.events.find((event) => event.includes(`mine${i} starts`))?.split(":")[0] ?? Infinity,
    );
    assert.ok(
      started - submitted <= 31,
      `waited ${started - submitted} ms, the longest task is 30 (seed ${seed})`,
    );
  }
}

test("a burst within the floor starts at once under any load", async () => {
  for (let seed = 1; seed <= 20; seed++) await burstsStartAtOnce(laneway, seed);
  await assert.rejects(burstsStartAtOnce(fifo, 1), /had to wait/);
});

test("a lane within its reservation waits for one running task at most", async () => {
  for (let seed = 1; seed <= 20; seed++) await waitsForOneTaskAtMost(laneway, seed);
  await assert.rejects(waitsForOneTaskAtMost(fifo, 1), /the longest task is 30/);
});

test("no history lends a floor seat or passes over a reservation", async () => {
  await keepEveryPromise({ count: 120, firstSeed: 20_000, with: { wide: 0, order: "strict" } });
});
