/** Promise 6: aging moves every lane under any load, out of a budget of seat-time that leaves the top lane as it was. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskRecord } from "../../src/core/snapshot.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { seeded } from "../../src/testing/random.ts";
import { keepEveryPromise } from "./history.ts";
import { fifo, laneway, simulated } from "./simulated.ts";
import type { Make, Options } from "./simulated.ts";

/** 10 seats of one second each, and 26 tasks a second. */
const OVERLOAD: Readonly<Record<string, number>> = { critical: 3, high: 4, normal: 5, low: 6, bulk: 8 };
const SECONDS = 300;

const LANES: Options["lanes"] = Object.keys(OVERLOAD).map((name, rank) => ({
  name,
  ...(rank === 0 ? { reservation: "40%", lendable: "50%" } : {}),
  timeoutMs: 1e6,
  queue: { max: 300, timeoutMs: 200_000 },
}));

interface LaneResult {
  readonly offered: number;
  readonly served: number;
  readonly p99: number;
}

async function overload(make: Make, aging: Options["aging"], seed = 6): Promise<Map<string, LaneResult>> {
  const random = seeded(seed);
  const clock = new TestClock();
  const resource = make({ limit: 10, lanes: LANES!, ...(aging === undefined ? {} : { aging }) }, clock);
  const waits = new Map(Object.keys(OVERLOAD).map((lane) => [lane, [] as number[]]));
  const offered = new Map<string, number>();
  for (const [lane, rate] of Object.entries(OVERLOAD)) void arrivals(lane, rate);
  async function arrivals(lane: string, rate: number): Promise<void> {
    for (;;) {
      await clock.sleep(random.exponential(1_000 / rate));
      offered.set(lane, (offered.get(lane) ?? 0) + 1);
      const now = clock.now();
      const started = (): Promise<void> => {
        waits.get(lane)!.push(clock.now() - now);
        return clock.sleep(1_000 * (0.8 + 0.4 * random.next()));
      };
      void resource.run(started, { lane }).catch(() => undefined);
    }
  }
  await clock.advance(SECONDS * 1_000);
  return new Map(
    [...waits].map(([lane, list]) => {
      list.sort((a, b) => a - b);
      return [
        lane,
        {
          offered: offered.get(lane)!,
          served: list.length,
          p99: list[Math.floor(list.length * 0.99)] ?? Infinity,
        },
      ];
    }),
  );
}

/** Every lane moves, and the top lane, whose demand is within its reservation, notices next to nothing. */
async function everyLaneMoves(make: Make): Promise<void> {
  const withAging = await overload(make, { afterMs: 10_000, budget: 0.05 });
  const without = await overload(make, false);
  for (const [lane, { served }] of withAging)
    assert.ok(served >= 30, `lane ${lane} was served ${served} times in ${SECONDS} s`);
  const top = withAging.get("critical")!;
  // Those that came in the last moments are still on their way.
  assert.ok(top.served >= top.offered - 5, `critical had ${top.served} of ${top.offered} tasks served`);
  assert.ok(
    top.p99 <= 1.2 * without.get("critical")!.p99,
    `critical waited ${top.p99} ms with aging, ${without.get("critical")!.p99} without`,
  );
  assert.ok(top.p99 <= 2_000, `critical waited ${top.p99} ms`);
}

test("at 2.6 times overload every lane moves, and the top lane's success and wait are as without aging", async () => {
  await everyLaneMoves(laneway);
  await assert.rejects(everyLaneMoves(fifo), /critical/);
});

test("without aging the lowest lane starves under the same load: the scenario can tell", async () => {
  const { served } = (await overload(laneway, false)).get("bulk")!;
  assert.ok(served < 10, `bulk was served ${served} times`);
});

test("aged tasks take at most their budget of the seat-time, and use it", async () => {
  for (const budget of [0.05, 0.2]) {
    const { aged, all } = await agedTime(budget);
    assert.ok(
      aged <= budget * all + 2_000,
      `aged tasks took ${((100 * aged) / all).toFixed(1)} % of the seat-time`,
    );
    assert.ok(
      aged >= 0.8 * budget * all,
      `aged tasks took only ${((100 * aged) / all).toFixed(1)} % of the seat-time`,
    );
  }
});

async function agedTime(budget: number): Promise<{ aged: number; all: number }> {
  const clock = new TestClock();
  const random = seeded(66);
  const resource = new Resource({
    name: "db",
    limit: 4,
    clock,
    aging: { afterMs: 500, budget },
    lanes: [{ name: "critical" }, { name: "normal" }, { name: "bulk" }].map((lane) => ({
      ...lane,
      timeoutMs: 1e7,
      queue: { timeoutMs: 1e7 },
    })),
  });
  let aged = 0;
  let all = 0;
  resource.onRecord(({ outcome, runMs, outOfTurn }: TaskRecord) => {
    if (outcome !== "finished") return;
    all += runMs;
    if (outOfTurn) aged += runMs;
  });
  // The higher lanes alone could use every seat; the aged tasks differ in length from theirs, so that counting would show.
  for (let i = 0; i < 6; i++) void caller("critical", 40);
  for (let i = 0; i < 6; i++) void caller("normal", 200);
  for (let i = 0; i < 6; i++) void caller("bulk", 400);
  async function caller(lane: string, mean: number): Promise<void> {
    for (;;) await resource.run(() => clock.sleep(mean * (0.5 + random.next())), { lane });
  }
  await clock.advance(120_000);
  return { aged, all };
}

test("an aged pick never takes a floor seat", async () => {
  const { clock, trace } = simulated({
    limit: 2,
    aging: { afterMs: 10, budget: 0.5 },
    lanes: [{ name: "critical", reservation: 1, lendable: 0 }, { name: "bulk" }],
  });
  void trace.submit("c1", 20, { lane: "critical" });
  for (const name of ["b1", "b2", "b3"]) void trace.submit(name, 30, { lane: "bulk" });
  await clock.advance(85);
  void trace.submit("c2", 10, { lane: "critical" });
  await clock.advance(100);
  assert.deepEqual(trace.events, [
    "0: c1 starts",
    "0: b1 starts",
    "20: c1 ends", //    b2 is old and the budget is there, but the free seat is critical's floor
    "30: b1 ends",
    "30: b2 starts",
    "60: b2 ends",
    "60: b3 starts",
    "85: c2 starts",
    "90: b3 ends",
    "95: c2 ends",
  ]);
});

test("lanes with an old waiter take turns", async () => {
  const { clock, trace } = simulated({
    limit: 1,
    aging: { afterMs: 10, budget: 0.5 },
    lanes: [{ name: "critical", aging: { afterMs: 1e6 } }, { name: "normal" }, { name: "bulk" }],
  });
  for (let i = 0; i < 20; i++)
    for (const lane of ["critical", "normal", "bulk"]) void trace.submit(lane, 10, { lane });
  await clock.advance(200);
  const aged = trace.started.filter((lane) => lane !== "critical");
  assert.deepEqual(aged.slice(0, 6), ["normal", "bulk", "normal", "bulk", "normal", "bulk"]);
});

test("a lane that was never measured has at most one aged task in flight", async () => {
  const { clock, resource, trace } = simulated({
    limit: 4,
    aging: { afterMs: 10, budget: 0.5 },
    lanes: [{ name: "critical" }, { name: "bulk" }],
  });
  for (let i = 0; i < 40; i++) void trace.submit(`c${i}`, 20, { lane: "critical" });
  // The first one of bulk runs for long: until then nobody knows what such a task costs.
  for (let i = 0; i < 8; i++) void trace.submit(`b${i}`, 1_000, { lane: "bulk" });
  await clock.advance(150);
  assert.equal(resource.snapshot().lanes[1]!.running, 1);
});

test("a task that is put back keeps its age", async () => {
  const { clock, resource, trace } = simulated({
    limit: 1,
    aging: { afterMs: 50, budget: 0.5 },
    lanes: [{ name: "critical" }, { name: "bulk" }],
  });
  void resource.run(
    async (permit) => {
      trace.note("old starts");
      await clock.sleep(60);
      await permit.requeue();
      trace.note("old goes on");
    },
    { lane: "bulk" },
  );
  for (let i = 0; i < 4; i++) void trace.submit(`c${i}`, 10, { lane: "critical" });
  await clock.advance(100);
  // It came with the others, but they are 60 ms old as well: lanes take turns, from the top.
  assert.deepEqual(trace.events.slice(0, 4), [
    "0: old starts",
    "60: c0 starts",
    "70: c0 ends",
    "70: old goes on",
  ]);
});

test("no history spends more on aging than the budget, or picks who is not old", async () => {
  await keepEveryPromise({
    count: 120,
    firstSeed: 60_000,
    with: { aging: true, wide: 0, updates: 0, pauseMs: 8 },
  });
});
