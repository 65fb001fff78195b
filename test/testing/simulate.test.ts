import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "../../src/testing/index.ts";
import type { Scenario } from "../../src/testing/index.ts";

const RESOURCE = { name: "ai", limit: 2, lanes: [{ name: "high" }, { name: "low" }] };

function scenario(changes: Partial<Scenario>): Scenario {
  return { seed: 1, durationMs: 10_000, resource: RESOURCE, loads: [], ...changes };
}

test("the same seed gives the same run to the last digit, another seed another", async () => {
  const loads = [
    {
      lane: "high",
      ratePerSecond: 8,
      runMs: (random: { exponential(mean: number): number }) => random.exponential(150),
    },
    { lane: "low", callers: 3, runMs: 40, flow: (n: number) => `f${n}` },
  ];
  const [first, again, other] = await Promise.all(
    [1, 1, 2].map((seed) => simulate(scenario({ seed, loads }))),
  );
  assert.deepEqual(first, again);
  assert.notDeepEqual(first!.tasks, other!.tasks);
  assert.equal(first!.seed, 1);
});

test("an open load arrives at its rate between its instants, a burst at once, a closed one after each reply", async () => {
  const { tasks, snapshot } = await simulate(
    scenario({
      loads: [
        { lane: "high", ratePerSecond: 20, fromMs: 1_000, toMs: 9_000, runMs: 1 },
        { lane: "low", burst: 5, fromMs: 2_000, runMs: 10 },
      ],
    }),
  );
  const open = tasks.filter(({ lane }) => lane === "high");
  assert.ok(open.length > 110 && open.length < 210, `${open.length} arrivals in 8 s at 20 a second`);
  assert.ok(open.every(({ arrivedAt }) => arrivedAt >= 1_000 && arrivedAt <= 9_000));
  const burst = tasks.filter(({ lane }) => lane === "low");
  assert.deepEqual(
    burst.map(({ arrivedAt }) => arrivedAt),
    [2_000, 2_000, 2_000, 2_000, 2_000],
  );
  assert.ok(tasks.every((task) => task.runMs === task.endedAt! - task.startedAt!));
  assert.equal(
    snapshot.lanes.reduce((sum, lane) => sum + lane.finished, 0),
    tasks.length,
  );
  const closed = await simulate(scenario({ durationMs: 1_000, loads: [{ callers: 1, runMs: 100 }] }));
  assert.deepEqual(
    closed.tasks.map(({ arrivedAt }) => arrivedAt),
    [0, 100, 200, 300, 400, 500, 600, 700, 800, 900],
  );
});

test("tasks take the widths and flows they are given", async () => {
  const { tasks } = await simulate(
    scenario({
      loads: [
        {
          lane: "low",
          burst: 4,
          runMs: 10,
          width: (random) => random.whole(2, 2),
          flow: (n) => `tenant-${n % 2}`,
        },
      ],
    }),
  );
  assert.deepEqual(
    tasks.map(({ flow, width, startedAt }) => [flow, width, startedAt]),
    [
      ["tenant-0", 2, 0],
      ["tenant-1", 2, 10],
      ["tenant-0", 2, 20],
      ["tenant-1", 2, 30],
    ],
  );
});

test("a refused task says why and comes back when told to, as often as it may", async () => {
  const lanes = [{ name: "only", queue: { max: 0 } }];
  const loads = [
    { burst: 1, runMs: 3_000 },
    { burst: 1, fromMs: 1, runMs: 10, retries: 1 },
    { burst: 1, fromMs: 2, runMs: 10, retries: 9 },
  ];
  const { tasks } = await simulate(scenario({ resource: { name: "ai", limit: 1, lanes }, loads }));
  const [, gaveUp, persisted] = tasks;
  assert.deepEqual([gaveUp?.refused, gaveUp?.refusals, gaveUp?.startedAt], ["lane-full", 2, undefined]);
  assert.ok(persisted!.startedAt! >= 3_000);
  assert.equal(persisted!.returnedAt.length, persisted!.refusals);
});
