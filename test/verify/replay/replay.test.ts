import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePolicy } from "../../../src/policy/policy.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import type { RecordedArrival } from "../../../src/verify/recording/format.ts";
import { prepare, simulatePolicy } from "../../../src/verify/replay/simulate.ts";
import type { Simulated } from "../../../src/verify/replay/simulate.ts";
import type { Recording } from "../../../src/verify/recording/read.ts";
import type { TestContext } from "node:test";
import { fidelity, POLICIES } from "./fidelity.ts";
import { arrival, recordingOf, threeLanes } from "../recorded.ts";

const AS_RECORDED: ReadonlyMap<string, string> = new Map();

function replayed(recording: Recording, policy: Policy, seed = 1): Simulated {
  return simulatePolicy(prepare(recording, policy, seed)[0]!, policy, AS_RECORDED);
}

async function replayedOf(
  t: TestContext,
  policy: Policy,
  arrivals: readonly RecordedArrival[],
): Promise<Simulated> {
  return replayed(await recordingOf(t, policy, arrivals), policy);
}

/** Waits by arrival, -1 for those that never started. */
function waits({ results }: Simulated): number[] {
  return [...results.waitMs];
}

for (const name of Object.keys(POLICIES))
  for (const seed of name === "as it is" ? [1, 2] : [1])
    test(`a recorded run replays with the waits that it had, lane by lane: policy ${name}, seed ${seed}`, async (t) => {
      for (const { lane, recordedMs, replayedMs, ...served } of await fidelity(name, seed)) {
        t.diagnostic(`${lane}: p99 ${recordedMs.toFixed(2)} ms, replayed ${replayedMs.toFixed(2)} ms`);
        assert.ok(recordedMs > 1, `${lane} waited, so that there is something to compare`);
        assert.ok(Math.abs(replayedMs - recordedMs) <= recordedMs * 0.1, `${lane}: p99 within 10 %`);
        const { recordedServed, replayedServed } = served;
        assert.ok(Math.abs(replayedServed - recordedServed) <= recordedServed * 0.02, `${lane}: as many`);
      }
    });

test("a task waits for the seat of the one before it, and no longer", async (t) => {
  const policy = await threeLanes((text) => text.replace("limit: 10", "limit: 1"));
  const simulated = await replayedOf(t, policy, [
    arrival({ atMs: 0, runMs: 50, lane: "bulk" }),
    arrival({ atMs: 10, runMs: 5, lane: "bulk" }),
    arrival({ atMs: 20, runMs: 5, lane: "critical" }),
  ]);
  assert.deepEqual(waits(simulated), [0, 45, 30]);
});

test("another policy is tried on the same arrivals: with two seats nobody waits", async (t) => {
  const policy = await threeLanes((text) => text.replace("limit: 10", "limit: 1"));
  const arrivals = [arrival({ runMs: 50 }), arrival({ atMs: 10 })];
  const recording = await recordingOf(t, policy, arrivals);
  const two = await threeLanes((text) => text.replace("limit: 10", "limit: 2"));
  assert.deepEqual(
    [policy, two].map((each) => waits(replayed(recording, each))),
    [
      [0, 40],
      [0, 0],
    ],
  );
});

test("what was shed runs as long as others of its lane did, the same for a seed", async (t) => {
  const policy = await threeLanes((text) => text.replace("limit: 10", "limit: 1"));
  const lanes = ["normal", "bulk"] as const;
  const ran = lanes.flatMap((lane, n) =>
    Array.from({ length: 30 }, (_, k) =>
      arrival({ atMs: k, lane, runMs: n === 0 ? 10 + (k % 3) : 500 + (k % 5) }),
    ),
  );
  const shed = Array.from({ length: 50 }, (_, k) =>
    arrival({ atMs: 100 + k, runMs: 0, outcome: "rejected", reason: "lane-full" }),
  );
  const recording = await recordingOf(t, policy, [...ran, ...shed]);
  const durationsFor = (seed: number): number[] => {
    const { durations, order } = prepare(recording, policy, seed)[0]!;
    assert.equal(durations.drawn, 50);
    return [...durations.ms].filter((_, place) => !recording.arrivals.hasRun(order[place]!));
  };
  const drawn = durationsFor(7);
  assert.ok(
    drawn.every((ms) => ms >= 10 && ms <= 12),
    `of the lane: ${drawn.join(" ")}`,
  );
  assert.ok(new Set(drawn).size > 1);
  assert.deepEqual(durationsFor(7), drawn);
  assert.notDeepEqual(durationsFor(8), drawn);
});

test("a caller that left waits as long again and no longer, and is nobody's failure", async (t) => {
  const policy = await threeLanes((text) => text.replace("limit: 10", "limit: 1"));
  const simulated = await replayedOf(t, policy, [
    arrival({ atMs: 0, runMs: 50, lane: "bulk" }),
    arrival({ atMs: 10, lane: "bulk", runMs: 0, waitMs: 20, outcome: "cancelled" }),
    arrival({ atMs: 15, lane: "bulk", runMs: 5 }),
  ]);
  assert.deepEqual(waits(simulated), [0, -1, 35]);
  const { cancelled, shed, served } = simulated.lanes[2]!;
  assert.deepEqual({ cancelled, shed, served }, { cancelled: 1, shed: 0, served: 2 });
});

test("of a lane's success those that left are no part", async (t) => {
  const policy = await threeLanes((text) => text.replace("limit: 10", "limit: 1"));
  const { lanes } = await replayedOf(t, policy, [
    arrival({ atMs: 0, lane: "critical", runMs: 50 }),
    arrival({ atMs: 10, lane: "critical", runMs: 0, waitMs: 5, outcome: "cancelled" }),
  ]);
  assert.deepEqual([lanes[0]!.objective.success, lanes[0]!.successMet], [0.999, true]);
});

test("a caller's own time-out holds in a replay too", async (t) => {
  const policy = await threeLanes((text) => text.replace("limit: 10", "limit: 1"));
  const simulated = await replayedOf(t, policy, [
    arrival({ atMs: 0, runMs: 50, lane: "bulk" }),
    arrival({ atMs: 10, lane: "bulk", timeoutMs: 15 }),
  ]);
  assert.deepEqual(simulated.lanes[2]!.shedBy, { passed: 1 });
});

test("what was refused for another cause than lanes is refused again, without asking", async (t) => {
  const policy = await threeLanes();
  const simulated = await replayedOf(t, policy, [
    arrival({ lane: "bulk" }),
    arrival({ atMs: 1, lane: "bulk", runMs: 0, outcome: "rejected", reason: "memory" }),
    arrival({ atMs: 2, lane: "bulk", runMs: 0, outcome: "rejected", reason: "next-service" }),
  ]);
  assert.deepEqual(simulated.lanes[2]!.shedBy, { memory: 1, "next-service": 1 });
});

test("tasks of more than one seat take as many in a replay", async (t) => {
  const policy = await threeLanes((text) =>
    text.replace("limit: 10", "limit: 4").replaceAll(/reservation: \d+%/g, "weight: 1"),
  );
  const simulated = await replayedOf(t, policy, [
    arrival({ atMs: 0, runMs: 50, width: 3 }),
    arrival({ atMs: 10, runMs: 5, width: 2 }),
  ]);
  assert.deepEqual(waits(simulated), [0, 40]);
});

test("a budget of the policy holds calls back as it would have", async (t) => {
  const policy = await parsePolicy("resources: { db: { limit: 10, budgets: { inputTokens: 600/min } } }");
  const call = { budget: "k/m", inputTokens: 300, outputTokens: 0, resource: "db" };
  const simulated = await replayedOf(t, policy, [
    arrival(call),
    arrival({ ...call, atMs: 1 }),
    arrival({ ...call, atMs: 2 }),
  ]);
  // A fifth is kept for the critical lane: the second lacks 120 tokens, the third 300 more.
  assert.deepEqual(
    waits(simulated).map((ms) => Math.round(ms / 100) * 100),
    [0, 12_000, 42_000],
  );
});

test("a learned limit is what it was, within the bounds of the policy that is tried", async (t) => {
  const learned = (bounds: string): Promise<Policy> =>
    threeLanes((text) => text.replace("limit: 10", `limit: { adaptive: true, ${bounds} }`));
  const policy = await learned("min: 1, max: 5, start: 1");
  const recording = await recordingOf(t, policy, [
    arrival({ atMs: 0, runMs: 100, lane: "bulk" }),
    arrival({ atMs: 10, runMs: 100, lane: "bulk" }),
    arrival({ atMs: 20, runMs: 100, lane: "bulk" }),
  ]);
  const moves = [
    { atMs: 0, resource: "db", limit: 1 },
    { atMs: 30, resource: "db", limit: 5 },
  ];
  const moved: Recording = { ...recording, limits: moves };
  assert.deepEqual(waits(replayed(moved, policy)), [0, 20, 10]);
  // It never had so few seats as the other policy would not go below.
  assert.deepEqual(waits(replayed(moved, await learned("min: 2, max: 5"))), [0, 0, 10]);
});

test("where a learned limit stood at its bound, it goes up with the bound", async (t) => {
  const learned = (max: number): Promise<Policy> =>
    threeLanes((text) =>
      text.replace("limit: 10", `limit: { adaptive: true, min: 1, max: ${max}, start: 1 }`),
    );
  const [policy, more] = [await learned(2), await learned(3)];
  const three = [0, 1, 2].map((atMs) => arrival({ atMs, runMs: 100, lane: "bulk" }));
  const recording = {
    ...(await recordingOf(t, policy, three)),
    limits: [{ atMs: 0, resource: "db", limit: 2 }],
  };
  const prepared = prepare(recording, policy, 1)[0]!;
  assert.deepEqual(
    [policy, more].map((each) => waits(simulatePolicy(prepared, each, AS_RECORDED))),
    [
      [0, 0, 98],
      [0, 0, 0],
    ],
  );
});

test("a recorded lane that the policy lacks is refused in words, and may be given another name", async (t) => {
  const policy = await threeLanes();
  const recording = await recordingOf(t, policy, [
    arrival(),
    arrival({ lane: "batch" }),
    arrival({ lane: "batch" }),
  ]);
  assert.throws(() => replayed(recording, policy), {
    name: "MismatchError",
    message:
      '2 arrivals were recorded in lane "batch", and laneway.yaml has no lane "batch", only critical, normal, bulk; say where they belong: --as batch=bulk',
  });
  const as = new Map([["batch", "bulk"]]);
  const { lanes } = simulatePolicy(prepare(recording, policy, 1)[0]!, policy, as);
  assert.deepEqual(
    lanes.map(({ arrivals }) => arrivals),
    [0, 1, 2],
  );
});

test("a policy without any of the recorded resources, and a recording in which nothing ran, are refused", async (t) => {
  const policy = await threeLanes();
  const other = await recordingOf(t, policy, [arrival({ resource: "cache" })]);
  assert.throws(() => prepare(other, policy, 1), {
    message: "expected arrivals at a resource of laneway.yaml, db; found them at cache",
  });
  const idle = await recordingOf(t, policy, [
    arrival({ runMs: 0, outcome: "rejected", reason: "lane-full" }),
  ]);
  assert.throws(() => prepare(idle, policy, 1), { message: /nothing that was recorded ever ran/ });
});
