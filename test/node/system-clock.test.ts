import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/node/system-clock.ts";

const LONGEST_TIMER_MS = 2 ** 31 - 1;

test("it is the process's monotonic clock", () => {
  const before = performance.now();
  const now = systemClock.now();
  assert.ok(now >= before && now <= performance.now());
});

test("a call is made after its time and not before, and a cancelled one not at all", async () => {
  const asked = systemClock.now();
  const cancel = systemClock.after(0.2, () => assert.fail("cancelled"));
  cancel();
  const made = await new Promise<number>(
    (resolve) => void systemClock.after(2.5, () => resolve(systemClock.now())),
  );
  assert.ok(made - asked >= 2, `asked for 2.5 ms, made after ${made - asked}`);
});

test("a time beyond what a timer of Node's can hold does not become one millisecond", (t) => {
  const delays: unknown[] = [];
  t.mock.method(globalThis, "setTimeout", (_: () => void, ms: unknown) => delays.push(ms));
  systemClock.after(30 * 86_400_000, () => assert.fail("called"));
  assert.equal(delays.length, 1);
  assert.ok(
    Number(delays[0]) > 1_000 && Number(delays[0]) <= LONGEST_TIMER_MS,
    `set a timer of ${String(delays[0])} ms`,
  );
});
