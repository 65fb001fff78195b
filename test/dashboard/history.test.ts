import assert from "node:assert/strict";
import { test } from "node:test";
import { LANE_FIELDS } from "../../src/admin/wire.ts";
import type { LaneTick, State, Tick } from "../../src/admin/wire.ts";
import { effectOf, requestOf } from "../../src/dashboard/changes.ts";
import {
  grownInAMinute,
  KEPT_TICKS,
  merged,
  readableUnder,
  untouched,
  withTick,
} from "../../src/dashboard/history.ts";
import { duration, ordinal, timeLeft } from "../../src/dashboard/words.ts";

function lane(numbers: Partial<Record<(typeof LANE_FIELDS)[number], number>>): LaneTick {
  return LANE_FIELDS.map((field) => numbers[field] ?? 0);
}

function tick(second: number, numbers: Parameters<typeof lane>[0] = {}): Tick {
  return {
    at: second * 1_000,
    verdict: { level: "ok", text: "" },
    resources: [{ limit: 8, seats: 5, lanes: [lane(numbers)] }],
  };
}

test("five minutes are kept, however many come", () => {
  let ticks: readonly Tick[] = [];
  for (let i = 0; i < 1_000; i++) ticks = withTick(ticks, tick(i));
  assert.deepEqual([ticks.length, ticks[0]!.at], [KEPT_TICKS, (1_000 - KEPT_TICKS) * 1_000]);
});

test("after a break the server's ticks take the place of ours, and what it no longer knows stays", () => {
  const seconds = (ticks: readonly Tick[]): number[] => ticks.map(({ at }) => at / 1_000);
  assert.deepEqual(
    seconds(
      merged(
        [1, 2, 5].map((i) => tick(i)),
        [2, 3, 4, 5, 6].map((i) => tick(i)),
      ),
    ),
    [1, 2, 3, 4, 5, 6],
  );
  assert.deepEqual(
    seconds(
      merged(
        [1, 2].map((i) => tick(i)),
        [],
      ),
    ),
    [1, 2],
  );
});

test("ticks of other lanes are dropped when the policy changes them, and kept when something else has changed", () => {
  const state = (lanes: readonly string[], file: string): State =>
    ({ file, resources: [{ name: "db", lanes }] }) as unknown as State;
  const ticks = [tick(1)];
  const before = state(["critical", "bulk"], "a.yaml");
  assert.deepEqual(readableUnder(ticks, before, state(["critical", "bulk"], "b.yaml")), ticks);
  assert.deepEqual(readableUnder(ticks, before, state(["bulk", "critical"], "a.yaml")), []);
});

test("what was shed in the last minute leaves out what was before, and counts on through a restart", () => {
  const counts = [
    [0, 100],
    [39, 110],
    [40, 112],
    [70, 115],
    [71, 0],
    [100, 4],
  ] as const;
  const ticks = counts.map(([second, shed]) => tick(second, { shed }));
  // From 112 at second 40 to 115, and 4 since it began anew.
  assert.equal(grownInAMinute(ticks, 0, 0, "shed"), 3 + 4);
  assert.equal(grownInAMinute([], 0, 0, "shed"), 0);
});

test("a resource is untouched until anything has come to it", () => {
  assert.equal(untouched(tick(0), 0), true);
  assert.equal(untouched(tick(0, { shed: 1 }), 0), false);
});

test("a change names what it does in numbers and becomes the request of the command line", () => {
  const state = { resources: [{ name: "db", lanes: ["bulk"] }] } as never;
  const standing = { state, ticks: [tick(0, { waiting: 860, running: 3, reservation: 1 })] };
  assert.match(
    effectOf("pause", { resource: "db", lane: "bulk" }, 0, standing),
    /^bulk has 860 waiting and 3 running/,
  );
  assert.match(
    effectOf("limit", { resource: "db" }, 4, standing),
    /8 seats, 5 of them in use.* 1 of them end/,
  );
  assert.deepEqual(requestOf("drain", { resource: "db", lane: "bulk" }, { minutes: 2, seats: 0, note: "" }), {
    resource: "db",
    lane: "bulk",
    state: "draining",
    durationMs: 120_000,
  });
  assert.deepEqual(requestOf("limit", { resource: "db" }, { minutes: 1, seats: 4, note: "slow" }), {
    resource: "db",
    limit: 4,
    note: "slow",
    durationMs: 60_000,
  });
});

test("numbers are read at a glance", () => {
  assert.deepEqual([0, 0.4, 12, 2_400, Infinity].map(duration), ["–", "< 1 ms", "12 ms", "2.4 s", "–"]);
  assert.deepEqual([1, 2, 3, 11, 22, 113].map(ordinal), ["1st", "2nd", "3rd", "11th", "22nd", "113th"]);
  assert.deepEqual(
    [0, 40_000, 840_000].map((ms) => timeLeft(ms, 0)),
    ["ending", "40 s left", "14 min left"],
  );
});
