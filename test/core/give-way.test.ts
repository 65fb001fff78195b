/** `permit.yield`: whom work in slices gives its seat to, and when. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Permit } from "../../src/core/permit.ts";
import { Resource } from "../../src/node/resource.ts";
import { seeded } from "../../src/testing/random.ts";
import { keepEveryPromise } from "./history.ts";
import { LANES, LONG, oneSeat } from "./one-seat.ts";
import { simulated } from "./simulated.ts";

test("a slice of ten milliseconds ends where a higher lane waits, and the task goes on when that is served", async () => {
  const { clock, resource, trace } = oneSeat();
  const gave: boolean[] = [];
  const done = resource.run(
    async (permit) => {
      for (let part = 1; part <= 4; part++) {
        trace.note(`part ${part}`);
        await clock.sleep(6);
        gave.push(await permit.yield());
      }
    },
    { lane: "bulk", flow: "one" },
  );
  void trace.submit("younger", 10, { lane: "bulk", flow: "one" });
  await clock.advance(1);
  void trace.submit("critical", 10, { lane: "critical" });
  await clock.advance(100);
  await done;
  assert.deepEqual(trace.events, [
    "0: part 1",
    "6: part 2", // six milliseconds are not a slice
    "12: critical starts",
    "22: critical ends",
    "22: part 3", // before the younger one of its flow
    "28: part 4", // a new slice began at 22
    "34: younger starts",
    "44: younger ends",
  ]);
  assert.deepEqual(gave, [false, true, false, false]);
  const { admitted, finished, failed } = resource.snapshot().lanes[2]!;
  assert.deepEqual([admitted, finished, failed], [2, 2, 0]);
});

test("it gives way to nobody of its own lane or a lower one, and then a new slice begins", async () => {
  const { clock, resource, trace } = oneSeat();
  const permit = await resource.acquire({ lane: "normal" });
  void trace.submit("same", 10, { lane: "normal" });
  void trace.submit("lower", 10, { lane: "bulk" });
  await clock.advance(10);
  assert.equal(await permit.yield(), false);
  void trace.submit("higher", 10, { lane: "critical" });
  await clock.advance(9);
  assert.equal(await permit.yield(), false, "nine milliseconds after it looked up");
  await clock.advance(1);
  const turn = permit.yield();
  await clock.advance(10);
  assert.equal(await turn, true);
  assert.deepEqual(trace.events, ["20: higher starts", "30: higher ends"]);
  permit.release();
  await clock.advance(50);
  assert.deepEqual(trace.started, ["higher", "same", "lower"]);
});

test("it keeps a seat that the higher lane could not use", async () => {
  const lanes = [
    { name: "critical", ...LONG, ceiling: 1 },
    { name: "high", ...LONG },
    { name: "bulk", ...LONG, reservation: 1 },
  ];
  const { clock, resource } = simulated({ limit: 3, aging: false, lanes });
  const critical = await resource.acquire({ lane: "critical" });
  const bulk = [await resource.acquire({ lane: "bulk" }), await resource.acquire({ lane: "bulk" })];
  const waiting = resource.acquire({ lane: "critical" });
  await clock.advance(10);
  assert.equal(await bulk[0]!.yield(), false, "critical is at its ceiling");
  const other = resource.acquire({ lane: "high" });
  await clock.advance(10);
  const gone = bulk[0]!.yield();
  const high = await other;
  await clock.advance(10);
  void resource.acquire({ lane: "high" });
  assert.equal(await bulk[1]!.yield(), false, "the seat is what bulk is guaranteed");
  const { running, waiting: queued } = resource.snapshot().lanes[2]!;
  assert.deepEqual([running, queued], [1, 1]);
  high.release();
  critical.release();
  (await waiting).release();
  assert.equal(await gone, true);
});

test("on a real clock a slice that is over lets the event loop turn, and one that is not does not", async () => {
  const resource = new Resource({ name: "main-thread", limit: 1, lanes: LANES });
  await resource.run(async (permit) => {
    let turned = false;
    setImmediate(() => (turned = true));
    for (let step = 0; step < 5; step++) await permit.yield();
    assert.equal(turned, false);
    const from = performance.now();
    while (performance.now() - from <= 10);
    assert.equal(await permit.yield(), false);
    assert.equal(turned, true);
  });
});

test("what the event loop brings in that turn is served first", async () => {
  const resource = new Resource({ name: "main-thread", limit: 1, lanes: LANES });
  const order: string[] = [];
  let critical: Promise<unknown> | undefined;
  await resource.run(
    async (permit) => {
      setImmediate(() => (critical = resource.run(() => void order.push("critical"), { lane: "critical" })));
      const from = performance.now();
      while (performance.now() - from <= 10);
      assert.equal(await permit.yield(), true);
      order.push("bulk");
    },
    { lane: "bulk" },
  );
  await critical;
  assert.deepEqual(order, ["critical", "bulk"]);
});

test("whatever comes, a slice that is over goes to the highest lane that waits, and no work is lost", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seeded(seed);
    const limit = random.whole(1, 3);
    const { clock, resource } = simulated({ limit, aging: false, lanes: LANES });
    const waits = (): number[] => resource.snapshot().lanes.map(({ waiting }) => waiting);
    const wrong: string[] = [];
    let steps = 0;
    const inSlices = async (permit: Permit, rank: number, slices: number): Promise<void> => {
      let since = clock.now();
      for (let n = 0; n < slices; n++) {
        await clock.sleep(random.pick([1, 4, 10, 15]));
        steps++;
        const isOver = clock.now() - since >= 10;
        const before = waits();
        const higher = before.findIndex((count, lane) => lane < rank && count > 0);
        const turn = permit.yield();
        const after = waits();
        const gave = await turn;
        const moved = after.map((count, lane) => count - before[lane]!);
        const expected = [0, 0, 0];
        if (isOver && higher >= 0) {
          expected[rank] = 1;
          expected[higher] = -1;
        }
        const as = (changes: number[]): string => `${changes.some(Boolean)}: ${changes.join()}`;
        if (`${gave}: ${moved.join()}` !== as(expected))
          wrong.push(`seed ${seed}, ${clock.now()}: ${gave}: ${moved.join()} instead of ${as(expected)}`);
        if (isOver || gave) since = clock.now();
      }
    };
    const runs: Promise<void>[] = [];
    let expected = 0;
    for (let i = 0; i < 60; i++) {
      const rank = random.whole(0, 2);
      const slices = random.whole(0, 6);
      expected += slices;
      const task = { lane: LANES[rank]!.name, flow: random.pick(["a", "b"]) };
      runs.push(resource.run((permit) => inSlices(permit, rank, slices), task));
      await clock.advance(random.exponential(8));
    }
    await clock.advance(10_000);
    await Promise.all(runs);
    assert.deepEqual(wrong, []);
    assert.equal(steps, expected);
    const { seatsInUse, waiting, lanes } = resource.snapshot();
    assert.deepEqual([seatsInUse, waiting], [0, 0]);
    assert.equal(
      lanes.reduce((sum, { finished }) => sum + finished, 0),
      60,
    );
  }
});

test("no history in which tasks give way breaks a promise", async () => {
  await keepEveryPromise({
    count: 150,
    firstSeed: 170_000,
    with: { yields: 0.6, requeues: 0.1, wide: 0.2, cancelled: 0.1, updates: 0.04 },
  });
  await keepEveryPromise({ count: 60, firstSeed: 171_000, with: { yields: 0.6, nested: 0.1, budgets: 0.5 } });
});
