import assert from "node:assert/strict";
import { test } from "node:test";
import { TestClock } from "../../src/testing/index.ts";

test("time stands still until it is advanced", async () => {
  const clock = new TestClock(500);
  assert.equal(clock.now(), 500);
  await clock.advance(250);
  assert.equal(clock.now(), 750);
});

test("calls are made in order of their instants, equal ones in the order in which they were asked for", async () => {
  const clock = new TestClock();
  const made: string[] = [];
  for (const [name, ms] of [
    ["c", 30],
    ["a", 10],
    ["b1", 20],
    ["b2", 20],
    ["now", 0],
    ["past", -5],
    ["late", 31],
  ] as const)
    clock.after(ms, () => made.push(`${clock.now()}: ${name}`));
  await clock.advance(30);
  assert.deepEqual(made, ["0: now", "0: past", "10: a", "20: b1", "20: b2", "30: c"]);
  await clock.advance(1);
  assert.equal(made.at(-1), "31: late");
});

test("a thousand calls in random order come out sorted", async () => {
  const clock = new TestClock();
  const made: number[] = [];
  for (let i = 0; i < 1_000; i++) {
    const ms = (i * 7_919) % 1_000;
    clock.after(ms, () => made.push(ms));
  }
  await clock.advance(1_000);
  assert.deepEqual(
    made,
    [...made].sort((a, b) => a - b),
  );
  assert.equal(made.length, 1_000);
});

test("a cancelled call is not made, also when it is cancelled by another of the same instant", async () => {
  const clock = new TestClock();
  const cancel = clock.after(5, () => assert.fail("cancelled"));
  cancel();
  cancel();
  clock.after(10, () => cancelOther());
  const cancelOther = clock.after(10, () => assert.fail("cancelled on the way"));
  await clock.advance(20);
});

test("what a call sets off is settled before time moves on, calls for the same stretch included", async () => {
  const clock = new TestClock();
  const made: string[] = [];
  clock.after(10, () => {
    void Promise.resolve()
      .then(() => Promise.resolve())
      .then(() => made.push(`reaction at ${clock.now()}`));
    clock.after(5, () => made.push(`call at ${clock.now()}`));
  });
  clock.after(20, () => made.push(`last at ${clock.now()}`));
  await clock.advance(100);
  assert.deepEqual(made, ["reaction at 10", "call at 15", "last at 20"]);
});

test("sleepers wake at their instants", async () => {
  const clock = new TestClock();
  const woken: number[] = [];
  const sleeper = (async () => {
    for (const ms of [10, 20, 30]) {
      await clock.sleep(ms);
      woken.push(clock.now());
    }
  })();
  await clock.advance(60);
  await sleeper;
  assert.deepEqual(woken, [10, 30, 60]);
});

test("an error of a call reaches the one who advances", async () => {
  const clock = new TestClock();
  clock.after(5, () => {
    throw new Error("in the call");
  });
  await assert.rejects(clock.advance(10), /in the call/);
});

test("time never goes back, whoever else advances it", async () => {
  const clock = new TestClock();
  await Promise.all([clock.advance(100), clock.advance(50)]);
  assert.ok(clock.now() >= 100, `found ${clock.now()}`);
});

test("only a stretch of time can be advanced", async () => {
  const clock = new TestClock(10);
  for (const ms of [-1, Number.NaN]) await assert.rejects(clock.advance(ms), /expected .*, found (-1|NaN)/);
  assert.equal(clock.now(), 10);
});
