import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { systemClock } from "../../src/node/system-clock.ts";

const LONGEST_TIMER_MS = 2 ** 31 - 1;

test("it is the process's monotonic clock", () => {
  const before = performance.now();
  const now = systemClock.now();
  assert.ok(now >= before && now <= performance.now());
});

test("a thread's clock is that thread's own", async () => {
  const { href } = new URL("../../src/node/system-clock.ts", import.meta.url);
  const read = `
    import { parentPort } from "node:worker_threads";
    import { systemClock } from ${JSON.stringify(href)};
    parentPort.postMessage([performance.now(), systemClock.now(), performance.now()]);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(read)}`));
  const [before, now, after] = await new Promise<number[]>((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
  });
  assert.ok(now! >= before! && now! <= after!, `${before} <= ${now} <= ${after}`);
});

test("a runtime that has no timing of its start has the same clock", async (t) => {
  Object.defineProperty(performance, "nodeTiming", { value: undefined, configurable: true });
  t.after(() => Reflect.deleteProperty(performance, "nodeTiming"));
  const elsewhere = "../../src/node/system-clock.ts?elsewhere";
  const { systemClock: clock } = (await import(elsewhere)) as { systemClock: typeof systemClock };
  const before = performance.now();
  const now = clock.now();
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
