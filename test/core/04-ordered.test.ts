/** Promise 4: beyond reservations the highest waiting lane goes first, or lanes share by weight. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "../../src/testing/random.ts";
import { keepEveryPromise } from "./history.ts";
import { fifo, laneway, simulated, tracing } from "./simulated.ts";
import type { Make } from "./simulated.ts";

test("strict: the highest waiting lane goes first, whatever the order of arrival", async () => {
  const { clock, trace } = simulated({
    limit: 1,
    aging: false,
    lanes: [{ name: "critical" }, { name: "normal" }, { name: "bulk" }],
  });
  void trace.submit("first", 10, { lane: "bulk" });
  for (const lane of ["bulk", "normal", "critical", "bulk", "normal", "critical"])
    void trace.submit(lane, 10, { lane });
  await clock.advance(100);
  assert.deepEqual(trace.started, ["first", "critical", "critical", "normal", "normal", "bulk", "bulk"]);
});

test("weighted: two lanes of weight 2 and 1 share the seats 2 to 1, from the first", async () => {
  const { clock, trace } = simulated({
    limit: 1,
    order: "weighted",
    aging: false,
    lanes: [
      { name: "gold", weight: 2 },
      { name: "tin", weight: 1 },
    ],
  });
  for (let i = 0; i < 12; i++)
    void trace.submit(i % 2 === 0 ? "gold" : "tin", 10, { lane: i % 2 === 0 ? "gold" : "tin" });
  await clock.advance(90);
  const count = (name: string) => trace.started.slice(0, 9).filter((started) => started === name).length;
  assert.deepEqual([count("gold"), count("tin")], [6, 3]);
});

/** Every start is of the highest lane that waits: reconstructed from the trace alone. */
async function highestFirst(make: Make, seed: number): Promise<void> {
  const random = seeded(seed);
  const names = ["critical", "high", "normal", "bulk"];
  const { clock, trace } = tracing(make, {
    limit: random.whole(1, 4),
    aging: false,
    lanes: names.map((name) => ({ name })),
  });
  const waiting = new Map(names.map((name) => [name, 0]));
  const move = (name: string, by: number) => waiting.set(name, waiting.get(name)! + by);
  for (let step = 0; step < 60; step++) {
    for (let i = random.whole(0, 3); i > 0; i--) {
      const lane = random.pick(names);
      move(lane, 1);
      const before = trace.events.length;
      void trace.submit(lane, random.exponential(20), { lane });
      judge(before);
    }
    const before = trace.events.length;
    await clock.advance(random.exponential(10));
    judge(before);
  }
  function judge(from: number): void {
    for (const event of trace.events.slice(from)) {
      const [, name, what] = event.split(" ");
      if (what !== "starts") continue;
      const higher = names.slice(0, names.indexOf(name!)).filter((other) => waiting.get(other)! > 0);
      assert.deepEqual(higher, [], `${name} started before a higher lane (seed ${seed})`);
      move(name!, -1);
    }
  }
}

/** Under a backlog each lane's part of the seat-time is its part of the weights, whatever its tasks take. */
async function sharesFollowWeights(make: Make, seed: number): Promise<void> {
  const random = seeded(seed);
  const lanes = ["a", "b", "c"].map((name) => ({
    name,
    weight: random.whole(1, 5),
    queue: { max: 10_000, timeoutMs: 1e7 },
    timeoutMs: 1e7,
  }));
  const { clock, trace } = tracing(make, { limit: 4, order: "weighted", aging: false, lanes });
  const served = new Map<string, number>();
  // Each lane's tasks have a length of their own, so that counting tasks instead of their time would show.
  for (const { name } of lanes) {
    const mean = random.pick([5, 20, 80]);
    for (let caller = 0; caller < 12; caller++) void again(name, mean);
  }
  async function again(lane: string, mean: number): Promise<void> {
    while (clock.now() < 40_000) {
      const ms = mean * (0.5 + random.next());
      await trace.submit(lane, ms, { lane });
      served.set(lane, (served.get(lane) ?? 0) + ms);
    }
  }
  await clock.advance(40_000);
  const all = [...served.values()].reduce((sum, ms) => sum + ms, 0);
  const weights = lanes.reduce((sum, lane) => sum + lane.weight, 0);
  for (const { name, weight } of lanes) {
    const part = served.get(name)! / all;
    const due = weight / weights;
    assert.ok(
      Math.abs(part - due) / due < 0.05,
      `lane ${name} had ${part.toFixed(3)}, its weight says ${due.toFixed(3)} (seed ${seed})`,
    );
  }
}

test("strict: no task starts while one of a higher lane waits", async () => {
  for (let seed = 1; seed <= 40; seed++) await highestFirst(laneway, seed);
  await assert.rejects(highestFirst(fifo, 1), /before a higher lane/);
});

test("weighted: under a backlog the seat-time of lanes follows their weights within 5 %", async () => {
  for (let seed = 1; seed <= 3; seed++) await sharesFollowWeights(laneway, seed);
  await assert.rejects(sharesFollowWeights(fifo, 1), /its weight says/);
});

test("weighted: a lane that was idle starts level with the others and does not catch up", async () => {
  const { clock, trace } = simulated({
    limit: 1,
    order: "weighted",
    aging: false,
    lanes: [{ name: "busy" }, { name: "late" }],
  });
  for (let i = 0; i < 40; i++) void trace.submit("busy", 10, { lane: "busy" });
  await clock.advance(195);
  for (let i = 0; i < 10; i++) void trace.submit("late", 10, { lane: "late" });
  await clock.advance(100);
  const late = trace.started.slice(20, 30).filter((name) => name === "late").length;
  assert.ok(late >= 4 && late <= 6, `late had ${late} of the 10 seats after it came`);
});

test("no history lets a lower lane go before a higher one", async () => {
  await keepEveryPromise({
    count: 120,
    firstSeed: 40_000,
    with: { wide: 0, order: "strict", aging: false, updates: 0 },
  });
});
