import assert from "node:assert/strict";
import { test } from "node:test";
import { p99Levels } from "../../../src/verify/report/objective-level.ts";
import { secondsPerSlice, slicesOf } from "../../../src/verify/report/seconds.ts";
import type { LaneResult, LaneSecond } from "../../../src/verify/report/result.ts";
import { planted } from "./planted.ts";

function lane(seconds: readonly LaneSecond[]): LaneResult {
  return { ...planted().runs[0].lanes[0]!, seconds };
}

function second(at: number, p99?: number): LaneSecond {
  const counts = { fromMs: at * 1_000, offered: 10, served: 6, refused: 3, failed: 1 };
  return p99 === undefined ? counts : { ...counts, p99 };
}

test("a short run has a column for each second, a long one for several", () => {
  assert.deepEqual(
    [1_000, 60_000, 120_000, 121_000, 600_000, 86_400_000].map((ms) => secondsPerSlice(ms, 120)),
    [1, 1, 1, 2, 5, 1_800],
  );
});

test("seconds that are missing are empty columns, and none comes after the end", () => {
  const slices = slicesOf(lane([second(0, 20), second(3, 30), second(9, 40)]), 5_000, 120);
  assert.deepEqual(
    slices.map(({ fromMs, p99 }) => [fromMs, p99]),
    [
      [0, 20],
      [1_000, undefined],
      [2_000, undefined],
      [3_000, 30],
      [4_000, undefined],
    ],
  );
  assert.deepEqual(slices[1]!.perSecond, { offered: 0, served: 0, refused: 0, failed: 0 });
});

test("of several seconds the worst is told, and their calls are counted a second", () => {
  const seconds = Array.from({ length: 240 }, (_none, at) => second(at, at === 7 ? 900 : 20));
  const slices = slicesOf(lane(seconds), 240_000, 60);
  assert.equal(slices.length, 48);
  assert.deepEqual([slices[0]!.p99, slices[1]!.p99], [20, 900]);
  assert.deepEqual(slices[1]!.perSecond, { offered: 10, served: 6, refused: 3, failed: 1 });
});

test("the last column of a run that ends within a second counts what there is of it", () => {
  const slices = slicesOf(lane([second(0), second(1)]), 1_500, 120);
  assert.deepEqual([slices[1]!.untilMs, slices[1]!.perSecond.offered], [1_500, 20]);
});

test("a second in which calls were due and none was served is told, also among others", () => {
  const none = { fromMs: 1_000, offered: 3, served: 0, refused: 3, failed: 0 };
  const idle = { fromMs: 2_000, offered: 0, served: 0, refused: 0, failed: 0 };
  const lost = slicesOf(lane([second(0, 20), none, idle]), 3_000, 120).map((slice) => slice.lost);
  assert.deepEqual(lost, [false, true, false]);
  const [both] = slicesOf(lane([second(0, 20), none]), 2_000, 1);
  assert.deepEqual([both!.lost, both!.p99], [true, 20]);
});

test("a time that is no number is none", () => {
  assert.equal(slicesOf(lane([second(0, Number.NaN)]), 1_000, 120)[0]!.p99, undefined);
});

test("the time that a p99 must stay below is read from the objectives as they were written", () => {
  const read = (objective: string): unknown[] =>
    p99Levels({ ...planted().runs[0].lanes[0]!, objectives: [{ objective, measured: "", held: true }] });
  assert.deepEqual(read("p99 < 300ms"), [{ ms: 300, during: undefined }]);
  assert.deepEqual(read("p99 <= 1.5s during flood"), [{ ms: 1_500, during: "flood" }]);
  const { p99 } = planted().runs[0].lanes[0]!.phases![0]!.latencyMs;
  assert.deepEqual(read("p99 < 1.2x baseline + 10ms during flood"), [
    { ms: p99 * 1.2 + 10, during: "flood" },
  ]);
  for (const other of ["p90 < 300ms", "wait p99 < 50ms", "success > 99%", "p99 < soon", "p99 < 2x nowhere"])
    assert.deepEqual(read(other), [], other);
});
