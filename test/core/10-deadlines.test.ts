/** Promise 10: what cannot be done in time is refused at once; a waiter whose deadline passed is never started. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLanewayError } from "../../src/core/errors.ts";
import { seeded } from "../../src/testing/random.ts";
import { keepEveryPromise } from "./history.ts";
import { fifo, laneway, simulated, tracing } from "./simulated.ts";
import type { Make } from "./simulated.ts";

const LONG = { timeoutMs: 1e6, queue: { timeoutMs: 1e6 } };
const ONE = { limit: 1, lanes: [{ name: "only", ...LONG }] };

test("a waiter is refused in the instant its deadline passes, and is never started", async () => {
  const { clock, resource, trace } = simulated(ONE);
  void trace.submit("running", 100);
  void trace.submit("deadline", 10, { deadline: 30 });
  void trace.submit("timeout", 10, { timeoutMs: 40 });
  await clock.advance(200);
  assert.deepEqual(trace.events, [
    "0: running starts",
    "30: deadline refused: LANEWAY_DEADLINE passed",
    "40: timeout refused: LANEWAY_DEADLINE passed",
    "100: running ends",
  ]);
  assert.equal(resource.snapshot().lanes[0]!.timedOut, 2);
});

test("a lane's own time-outs say so: queue and task", async () => {
  const { clock, trace } = simulated({
    limit: 1,
    lanes: [
      { name: "impatient", timeoutMs: 1_000, queue: { timeoutMs: 20 } },
      { name: "short", timeoutMs: 30, queue: { timeoutMs: 1_000 } },
    ],
  });
  void trace.submit("running", 100, { lane: "impatient", timeoutMs: 500 });
  void trace.submit("a", 10, { lane: "impatient" });
  void trace.submit("b", 10, { lane: "short" });
  await clock.advance(100);
  assert.deepEqual(trace.events.slice(1, 3), [
    "20: a refused: LANEWAY_TIMEOUT queue",
    "30: b refused: LANEWAY_TIMEOUT task",
  ]);
});

test("the earlier of deadline and time-out counts", async () => {
  const { clock, trace } = simulated(ONE);
  void trace.submit("running", 100);
  void trace.submit("a", 10, { deadline: 20, timeoutMs: 50 });
  void trace.submit("b", 10, { deadline: 50, timeoutMs: 30 });
  await clock.advance(60);
  assert.deepEqual(trace.events.slice(1), [
    "20: a refused: LANEWAY_DEADLINE passed",
    "30: b refused: LANEWAY_DEADLINE passed",
  ]);
});

test("a deadline that has passed at submission is refused before anything runs, even when a seat is free", async () => {
  const { resource, clock } = simulated(ONE);
  await clock.advance(10);
  for (const task of [{ deadline: 10 }, { deadline: -5 }, { timeoutMs: 0 }]) {
    await assert.rejects(
      resource.run(() => assert.fail("must not run"), task),
      { code: "LANEWAY_DEADLINE", reason: "passed" },
    );
    assert.equal(resource.tryAcquire(task), undefined);
  }
  // What only looks for a free seat is no task yet.
  assert.equal(resource.snapshot().lanes[0]!.rejected, 3);
});

test("predicted: what stands before it and its own run take longer than what is left", async () => {
  const { clock, trace } = simulated(ONE);
  void trace.submit("measured", 100);
  await clock.advance(100);
  void trace.submit("running", 100);
  void trace.submit("queued", 100);
  void trace.submit("hopeless", 100, { timeoutMs: 220 }); // about 150 ms before it, and 100 of its own
  void trace.submit("fine", 100, { timeoutMs: 500 });
  await clock.advance(500);
  assert.deepEqual(trace.events.slice(2), [
    "100: running starts",
    "100: hopeless refused: LANEWAY_DEADLINE predicted",
    "200: running ends",
    "200: queued starts",
    "300: queued ends",
    "300: fine starts",
    "400: fine ends",
  ]);
});

test("nothing measured yet, nothing predicted", async () => {
  const { clock, trace } = simulated(ONE);
  void trace.submit("running", 100);
  for (let i = 0; i < 50; i++) void trace.submit(`t${i}`, 100, { timeoutMs: 50 });
  await clock.advance(49);
  assert.deepEqual(trace.events, ["0: running starts"]);
});

test("nothing is predicted to be late while a seat is free for it", async () => {
  const { clock, trace } = simulated({ limit: 2, lanes: [{ name: "only", ...LONG }] });
  void trace.submit("slow", 1_000);
  await clock.advance(1_000);
  void trace.submit("quick", 5, { timeoutMs: 10 });
  await clock.advance(10);
  assert.deepEqual(trace.events.slice(2), ["1000: quick starts", "1005: quick ends"]);
});

test("it is checked again at its turn: with less than the median run left it is not started", async () => {
  const { clock, trace } = simulated(ONE);
  for (let i = 0; i < 5; i++) void trace.submit(`warm${i}`, 40);
  await clock.advance(200);
  // Predicted at submission: half a run to wait and one of its own, 60 of 100 ms. Then the running one takes longer.
  void trace.submit("running", 70);
  void trace.submit("late", 40, { timeoutMs: 100 });
  void trace.submit("behind", 40);
  await clock.advance(300);
  assert.deepEqual(trace.events.slice(10).toSorted(), [
    "200: running starts",
    "270: behind starts",
    "270: late refused: LANEWAY_DEADLINE predicted", // 30 ms left, the median run is 40
    "270: running ends",
    "310: behind ends",
  ]);
});

test("estimates decay, so that a resource that has recovered is found again", async () => {
  const { clock, resource, trace } = simulated({
    limit: 1,
    lanes: [{ name: "only", timeoutMs: 500, queue: { timeoutMs: 1e6 } }],
  });
  for (let i = 0; i < 4; i++)
    void resource.run(() => clock.sleep(10_000), { timeoutMs: 1e6 }).catch(() => undefined);
  await clock.advance(40_000);
  void trace.submit("holder", 20, { timeoutMs: 1e6 });
  void trace.submit("too late", 10);
  await clock.advance(20);
  assert.ok(trace.events.includes("40000: too late refused: LANEWAY_TIMEOUT predicted"));
  // Ten minutes of silence: the ten seconds are not believed any more.
  await clock.advance(600_000);
  const again = Math.round(clock.now());
  void trace.submit("holder", 20, { timeoutMs: 1e6 });
  void trace.submit("retried", 10);
  await clock.advance(100);
  assert.ok(trace.events.includes(`${again + 20}: retried starts`), trace.events.join("\n"));
});

test("a deadline of the caller's does not lengthen the lane's time-out", async () => {
  const { clock, trace } = simulated({ limit: 1, lanes: [{ name: "only", timeoutMs: 30 }] });
  void trace.submit("a", 100, { deadline: 1_000 });
  await clock.advance(200);
  assert.deepEqual(trace.events.slice(0, 2), ["0: a starts", "30: a refused: LANEWAY_TIMEOUT task"]);
});

/** Whatever is submitted, nothing starts past its deadline, and whoever is refused is told by then. */
async function nothingStartsLate(make: Make, seed: number): Promise<void> {
  const random = seeded(seed);
  const { clock, trace } = tracing(make, {
    limit: random.whole(1, 4),
    lanes: [
      { name: "critical", ...LONG },
      { name: "bulk", ...LONG },
    ],
  });
  const deadlines = new Map<string, number>();
  for (let i = 0; i < 150; i++) {
    const deadline = clock.now() + random.exponential(60);
    deadlines.set(`t${i}`, deadline);
    void trace.submit(`t${i}`, random.exponential(20), { lane: random.pick(["critical", "bulk"]), deadline });
    await clock.advance(random.exponential(4));
  }
  await clock.advance(10_000);
  for (const [name, deadline] of deadlines) {
    const first = trace.events.find((event) => event.split(" ")[1] === name);
    assert.ok(first !== undefined, `${name} was neither started nor refused (seed ${seed})`);
    assert.ok(
      Number.parseInt(first, 10) <= Math.ceil(deadline),
      `${first}, but its deadline was ${deadline} (seed ${seed})`,
    );
  }
}

test("nothing starts past its deadline, and everybody is told by then", async () => {
  for (let seed = 1; seed <= 20; seed++) await nothingStartsLate(laneway, seed);
  await assert.rejects(nothingStartsLate(fifo, 1), /its deadline was/);
});

test("a refusal as predicted says when to come back; a deadline that passed does not", async () => {
  const { clock, resource } = simulated(ONE);
  void resource.run(() => clock.sleep(100));
  await clock.advance(100);
  void resource.run(() => clock.sleep(100));
  const facts = async (task: Promise<unknown>) =>
    task.then(
      () => assert.fail("must be refused"),
      (error: unknown) =>
        isLanewayError(error) ? [error.reason, error.retryAfterMs === undefined] : assert.fail(),
    );
  assert.deepEqual(await facts(resource.run(() => {}, { timeoutMs: 20 })), ["predicted", false]);
  assert.deepEqual(await facts(resource.run(() => {}, { timeoutMs: 0 })), ["passed", true]);
});

test("no history starts a task past its deadline or leaves one waiting past it", async () => {
  await keepEveryPromise({ count: 120, firstSeed: 100_000, with: { dueSoon: 0.5 } });
});
