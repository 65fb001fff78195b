import assert from "node:assert/strict";
import { test } from "node:test";
import { TestClock } from "../../../src/testing/clock.ts";
import { dueInstants } from "../../../src/verify/load/arrival.ts";
import { mergeDue } from "../../../src/verify/load/merge-due.ts";
import { openLoop } from "../../../src/verify/load/open-loop.ts";
import { generatorClock } from "../../../src/verify/load/generator-clock.ts";

test("streams are merged by their instants, the first listed first on a tie, each in its own order", () => {
  const merged = mergeDue([Float64Array.of(1, 5, 5), new Float64Array(), Float64Array.of(0, 1, 5, 9)]);
  assert.deepEqual([...merged.due], [0, 1, 1, 5, 5, 5, 9]);
  assert.deepEqual([...merged.stream], [2, 0, 2, 0, 0, 2, 2]);
  assert.deepEqual([...merged.index], [0, 0, 1, 1, 2, 2, 3]);
  assert.equal(mergeDue([]).due.length, 0);
});

test("the loop tells how late each call is, and once that all were sent", async () => {
  const clock = new TestClock(500);
  const sent: [number, number][] = [];
  let ends = 0;
  openLoop({
    due: Float64Array.of(0, 10, 20),
    clock: { now: () => clock.now(), after: (ms, fn) => clock.after(ms + 3, fn) },
    startedAt: 500,
    send: (call, nowMs) => sent.push([call, nowMs]),
    allSent: () => ends++,
  });
  await clock.advance(100);
  assert.deepEqual(sent, [
    [0, 0],
    [1, 13],
    [2, 23],
  ]);
  assert.equal(ends, 1);
});

test("a stopped loop sends nothing more, also from within a send", async () => {
  const clock = new TestClock();
  const sent: number[] = [];
  const stop = openLoop({
    due: Float64Array.of(1, 1, 1, 2),
    clock,
    startedAt: 0,
    send: (call) => {
      sent.push(call);
      if (call === 1) stop();
    },
    allSent: () => assert.fail("it was stopped"),
  });
  await clock.advance(10);
  assert.deepEqual(sent, [0, 1]);
});

test("many calls that are due together leave room for others between them", async () => {
  const clock = new TestClock();
  let sent = 0;
  let sentBefore = -1;
  openLoop({
    due: new Float64Array(100).fill(5),
    clock,
    startedAt: 0,
    send: () => {
      if (sent++ === 0) clock.after(0, () => (sentBefore = sent));
    },
    allSent: () => undefined,
  });
  await clock.advance(10);
  assert.equal(sent, 100);
  assert.ok(sentBefore > 0 && sentBefore < 100, `${sentBefore} before another had its turn`);
});

test("the clock of a generator never calls early, far or near, and not at all when it is cancelled", async () => {
  for (const awakeMs of [0, 2]) {
    const clock = generatorClock(awakeMs);
    for (const ms of [0, 0.3, 1.7, 8.4]) {
      const asked = performance.now();
      await new Promise<void>((resolve) => clock.after(ms, resolve));
      assert.ok(performance.now() - asked >= ms, `${ms} ms`);
    }
    clock.after(0, () => assert.fail("it was cancelled"))();
    clock.after(3, () => assert.fail("it was cancelled"))();
    await new Promise<void>((resolve) => clock.after(5, resolve));
  }
});

test("a ramp has the calls of its rates, few where it is slow and many where it is fast", () => {
  const whole = {
    kind: "ramp",
    fromPerSecond: 0,
    toPerSecond: 1_000,
    fromMs: 1_000,
    untilMs: 11_000,
  } as const;
  const steady = dueInstants({ ...whole, arrivals: "steady" }, 1);
  assert.equal(steady.length, 5_000);
  // A half of the time has a quarter of the calls.
  assert.equal(steady.filter((due) => due < 6_000).length, 1_250);
  const poisson = dueInstants({ ...whole, arrivals: "poisson" }, 1);
  assert.ok(Math.abs(poisson.length - 5_000) < 250, String(poisson.length));
  assert.ok(Math.abs(poisson.filter((due) => due < 6_000).length - 1_250) < 125);
  for (const due of [steady, poisson]) {
    assert.ok(due.every((at, n) => at >= 1_000 && at < 11_000 && (n === 0 || at >= due[n - 1]!)));
  }
});

test("a ramp downwards, an even one and one at nothing are as they say", () => {
  const at = { arrivals: "steady", fromMs: 0, untilMs: 1_000 } as const;
  const count = (from: number, to: number): Float64Array =>
    dueInstants({ kind: "ramp", fromPerSecond: from, toPerSecond: to, ...at }, 1);
  assert.deepEqual([...count(4, 4)], [0, 250, 500, 750]);
  assert.equal(count(100, 0).filter((due) => due < 500).length, 38);
  assert.equal(count(0, 0).length, 0);
  assert.throws(() => count(-1, 5), RangeError);
  assert.throws(() => count(1e9, 1e9), RangeError);
});
