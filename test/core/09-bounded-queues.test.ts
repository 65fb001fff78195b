/** Promise 9: queues are bounded by count and age, and who is put out is who holds most or stands lowest. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLanewayError } from "../../src/core/errors.ts";
import { seeded } from "../../src/testing/random.ts";
import { keepEveryPromise } from "./history.ts";
import { fifo, laneway, simulated, tracing } from "./simulated.ts";
import type { Make } from "./simulated.ts";

const refused = (events: readonly string[]) => events.filter((event) => event.includes("refused")).toSorted();

test("a full lane with one flow rejects the newcomer", async () => {
  const { clock, resource, trace } = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 2 } }] });
  for (const name of ["running", "w1", "w2", "w3"]) void trace.submit(name, 10);
  await clock.advance(5);
  assert.deepEqual(refused(trace.events), ["0: w3 refused: LANEWAY_REJECTED lane-full"]);
  assert.deepEqual(resource.snapshot().lanes[0]!.reasons, { "lane-full": 1 });
});

test("a full lane puts out the newest waiter of the flow that holds most of it", async () => {
  const { clock, trace } = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 4 } }] });
  void trace.submit("running", 10);
  for (const name of ["a1", "b1", "a2", "a3"]) void trace.submit(name, 10, { flow: name[0]! });
  void trace.submit("b2", 10, { flow: "b" }); // a holds three of five, b two
  await clock.advance(60);
  assert.deepEqual(refused(trace.events), ["0: a3 refused: LANEWAY_EVICTED flow-share"]);
  assert.deepEqual(trace.started, ["running", "a1", "b1", "a2", "b2"]);
});

test("the newcomer is counted, and put out on a tie", async () => {
  const { clock, trace } = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 2 } }] });
  void trace.submit("running", 10);
  void trace.submit("a1", 10, { flow: "a" });
  void trace.submit("b1", 10, { flow: "b" });
  void trace.submit("a2", 10, { flow: "a" }); // a would hold two of three
  void trace.submit("c1", 10, { flow: "c" }); // one each: a tie
  await clock.advance(5);
  assert.deepEqual(refused(trace.events), [
    "0: a2 refused: LANEWAY_REJECTED flow-share",
    "0: c1 refused: LANEWAY_REJECTED lane-full",
  ]);
});

test("a flow's weight counts: twice the weight may hold twice as much", async () => {
  const { clock, trace } = simulated({
    limit: 1,
    lanes: [{ name: "only", queue: { max: 3 } }],
    flowWeight: (flow) => (flow === "a" ? 2 : 1),
  });
  void trace.submit("running", 10);
  for (const name of ["a1", "a2", "a3"]) void trace.submit(name, 10, { flow: "a" });
  void trace.submit("b1", 10, { flow: "b" }); // three of weight 2 are 1.5, one of weight 1 is 1
  void trace.submit("b2", 10, { flow: "b" }); // now 1 against 2
  await clock.advance(5);
  assert.deepEqual(refused(trace.events), [
    "0: a3 refused: LANEWAY_EVICTED flow-share",
    "0: b2 refused: LANEWAY_REJECTED flow-share",
  ]);
});

test("a full resource puts out the newest of the lowest waiting lane for a higher one, and nobody for a lower one", async () => {
  const { clock, trace } = simulated({
    limit: 1,
    lanes: [{ name: "critical" }, { name: "normal" }, { name: "bulk" }],
    queue: { max: 3, whenFull: "evict" },
  });
  void trace.submit("running", 100, { lane: "normal" });
  for (const name of ["b1", "b2"]) void trace.submit(name, 10, { lane: "bulk" });
  void trace.submit("n1", 10, { lane: "normal" });
  await clock.advance(1);
  void trace.submit("n2", 10, { lane: "normal" });
  await clock.advance(1);
  void trace.submit("c1", 10, { lane: "critical" });
  await clock.advance(1);
  void trace.submit("b3", 10, { lane: "bulk" });
  await clock.advance(1);
  void trace.submit("n3", 10, { lane: "normal" });
  await clock.advance(1);
  void trace.submit("c2", 10, { lane: "critical" });
  await clock.advance(1);
  assert.deepEqual(refused(trace.events), [
    "1: b2 refused: LANEWAY_EVICTED outranked", //       for n2
    "2: b1 refused: LANEWAY_EVICTED outranked", //       for c1
    "3: b3 refused: LANEWAY_REJECTED resource-full", //  nothing is below bulk
    "4: n3 refused: LANEWAY_REJECTED resource-full", //  nor waits anything below normal
    "5: n2 refused: LANEWAY_EVICTED outranked", //       for c2
  ]);
});

test("inside the lowest lane the flow that holds most loses its newest", async () => {
  const { clock, trace } = simulated({
    limit: 1,
    lanes: [{ name: "critical" }, { name: "bulk" }],
    queue: { max: 4, whenFull: "evict" },
  });
  void trace.submit("running", 100, { lane: "critical" });
  for (const name of ["a1", "b1", "a2", "a3"]) void trace.submit(name, 10, { lane: "bulk", flow: name[0]! });
  void trace.submit("c1", 10, { lane: "critical" });
  await clock.advance(1);
  assert.deepEqual(refused(trace.events), ["0: a3 refused: LANEWAY_EVICTED outranked"]);
});

test("without whenFull: evict a full resource rejects the newcomer, whatever its lane", async () => {
  const { clock, trace } = simulated({
    limit: 1,
    lanes: [{ name: "critical" }, { name: "bulk" }],
    queue: { max: 1 },
  });
  for (const name of ["running", "b1"]) void trace.submit(name, 10, { lane: "bulk" });
  void trace.submit("c1", 10, { lane: "critical" });
  await clock.advance(5);
  assert.deepEqual(refused(trace.events), ["0: c1 refused: LANEWAY_REJECTED resource-full"]);
});

test("a queue of 0 takes only what can start at once", async () => {
  const { clock, trace } = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 0 } }] });
  for (const name of ["a", "b"]) void trace.submit(name, 10);
  await clock.advance(10);
  void trace.submit("c", 10);
  await clock.advance(10);
  assert.deepEqual(trace.started, ["a", "c"]);
});

/** One flow floods a full lane; another that asks for little is served all the same. */
async function floodersPutOutThemselves(make: Make, seed: number): Promise<void> {
  const random = seeded(seed);
  const { clock, trace } = tracing(make, {
    limit: 2,
    aging: false,
    lanes: [{ name: "only", queue: { max: 20, timeoutMs: 1e6 }, timeoutMs: 1e6 }],
    queue: { max: 20 },
  });
  for (let i = 0; i < 400; i++) {
    for (let k = random.whole(1, 3); k > 0; k--)
      void trace.submit("flood", random.exponential(15), { flow: "flood" });
    if (i % 10 === 0) void trace.submit("modest", 10, { flow: "modest" });
    await clock.advance(random.exponential(5));
  }
  await clock.advance(10_000);
  const lost = trace.events.filter((event) => event.includes("modest refused")).length;
  assert.equal(lost, 0, `the modest flow lost ${lost} of 40 tasks to the flood (seed ${seed})`);
  assert.ok(
    trace.events.some((event) => event.includes("flood refused")),
    "no flood",
  );
}

test("a flow that floods a full lane loses its own tasks, not those of others", async () => {
  for (let seed = 1; seed <= 10; seed++) await floodersPutOutThemselves(laneway, seed);
  await assert.rejects(floodersPutOutThemselves(fifo, 1), /lost/);
});

test("who is refused is told when to come back, and those told later are told later times", async () => {
  const { clock, resource } = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 1 } }] });
  void resource.run(() => clock.sleep(100));
  await clock.advance(100);
  void resource.run(() => clock.sleep(100));
  void resource.run(() => clock.sleep(100));
  const told: number[] = [];
  for (let i = 0; i < 5; i++)
    await resource
      .run(() => {})
      .catch((error: unknown) => told.push(isLanewayError(error) ? error.retryAfterMs! : NaN));
  // One waits, and each one told has a place: 200 ms, 300 ms, …
  assert.deepEqual(told, [200, 300, 400, 500, 600]);
});

test("one that was put back is not put out, also when older ones of a lane that is gone stand before it", async () => {
  const { clock, resource, trace } = simulated({
    limit: 2,
    lanes: [{ name: "high" }, { name: "low", queue: { max: 3 } }],
  });
  void trace.submit("running", 1_000, { lane: "high" });
  const other = await resource.acquire({ lane: "high" });
  for (const name of ["a1", "a2"]) void trace.submit(name, 10, { lane: "high", flow: "a" });
  await clock.advance(5);
  // It starts, although those of the higher lane wait, and is put back: younger than they are, in the lane they come to.
  resource.update({
    limit: 3,
    lanes: [
      { name: "high", ceiling: 2 },
      { name: "low", queue: { max: 3 } },
    ],
  });
  const permit = await resource.acquire({ lane: "low", flow: "a" });
  resource.update({ limit: 2 });
  const again = permit.requeue();
  let refusedAgain = false;
  again.catch(() => (refusedAgain = true));
  resource.update({ lanes: [{ name: "low", queue: { max: 3 } }] });
  assert.equal(resource.snapshot().lanes[0]!.waiting, 3);
  void trace.submit("b1", 10, { lane: "low", flow: "b" });
  await clock.advance(0);
  assert.deepEqual(refused(trace.events), ["5: a2 refused: LANEWAY_EVICTED flow-share"]);
  assert.ok(!refusedAgain);
  other.release();
});

test("no history puts out another than the design says", async () => {
  await keepEveryPromise({
    count: 150,
    firstSeed: 90_000,
    with: { tinyQueues: 0.9, pauseMs: 2, requeues: 0.2 },
  });
});
