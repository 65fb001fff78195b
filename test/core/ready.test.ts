/** Backpressure (promise 9): `ready()` settles one producer per vacancy, in order. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { simulated } from "./simulated.ts";
import type { Simulated } from "./simulated.ts";

function producers({ resource, clock }: Simulated, count: number, lane?: string): string[] {
  const settled: string[] = [];
  for (let i = 0; i < count; i++)
    void resource.ready(lane === undefined ? {} : { lane }).then(
      () => settled.push(`${clock.now()}: ${i}`),
      (error: Error) => settled.push(`${clock.now()}: ${i} ${error.name}`),
    );
  return settled;
}

test("with one seat and a queue of two, three producers are told at once and the others wait", async () => {
  const simulation = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 2 } }] });
  const settled = producers(simulation, 5);
  await simulation.clock.advance(0);
  assert.deepEqual(settled, ["0: 0", "0: 1", "0: 2"]);
});

test("each vacancy settles one producer, in order", async () => {
  const simulation = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 1 } }] });
  const { clock, resource, trace } = simulation;
  const first = await resource.acquire();
  void trace.submit("waiting", 50);
  const settled = producers(simulation, 3);
  await clock.advance(20);
  assert.deepEqual(settled, []);
  first.release();
  await clock.advance(10);
  assert.deepEqual(settled, ["20: 0"]);
  await clock.advance(50);
  assert.deepEqual(settled, ["20: 0", "70: 1"]);
});

test("a promise that nobody uses runs out after a second, and the next producer is told", async () => {
  const simulation = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 0 } }] });
  const settled = producers(simulation, 3);
  await simulation.clock.advance(5_000);
  assert.deepEqual(settled, ["0: 0", "1000: 1", "2000: 2"]);
});

test("a resource that turns idle does not forget who waits for a promise to run out", async () => {
  const simulation = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 0 } }, { name: "other" }] });
  const settled = producers(simulation, 2, "only");
  await simulation.clock.advance(100);
  await simulation.resource.run(() => {}, { lane: "other" });
  await simulation.clock.advance(2_000);
  assert.deepEqual(settled, ["0: 0", "1000: 1"]);
});

test("nor does one whose last submission came to nothing", async () => {
  const lanes = [{ name: "only", queue: { max: 0 } }, { name: "other" }];
  const simulation = simulated({ limit: 1, lanes, budgets: { inputTokens: 60 } });
  const { clock, resource } = simulation;
  const lot = { lane: "other", cost: { inputTokens: 60 } };
  resource.tryAcquire(lot)!.release();
  const settled = producers(simulation, 2, "only");
  await clock.advance(100);
  assert.equal(resource.tryAcquire(lot), undefined);
  await clock.advance(2_000);
  assert.deepEqual(settled, ["0: 0", "1000: 1"]);
});

test("a producer that submits uses its own promise up, so that the next one has to wait", async () => {
  const { clock, resource, trace } = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 1 } }] });
  const produced: string[] = [];
  for (const name of ["p1", "p2", "p3", "p4"])
    void resource.ready().then(() => {
      produced.push(`${clock.now()}: ${name}`);
      void trace.submit(name, 10);
    });
  await clock.advance(100);
  assert.deepEqual(produced, ["0: p1", "0: p2", "10: p3", "20: p4"]);
  assert.deepEqual(trace.started, ["p1", "p2", "p3", "p4"]);
});

test("one lane that is full does not hold back the producers of another", async () => {
  const simulation = simulated({
    limit: 1,
    lanes: [
      { name: "a", queue: { max: 0 } },
      { name: "b", queue: { max: 5 } },
    ],
  });
  await simulation.resource.acquire({ lane: "a" });
  const a = producers(simulation, 1, "a");
  const b = producers(simulation, 1, "b");
  await simulation.clock.advance(0);
  assert.deepEqual([a, b], [[], ["0: 0"]]);
});

test("a producer that gives up leaves the line, with its signal's reason", async () => {
  const { clock, resource } = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 0 } }] });
  const held = await resource.acquire();
  const leaver = new AbortController();
  const leaving = resource.ready({ signal: leaver.signal });
  let told = false;
  void resource.ready().then(() => (told = true));
  const reason = new Error("enough");
  leaver.abort(reason);
  await assert.rejects(leaving, (error) => error === reason);
  held.release();
  await clock.advance(0);
  assert.ok(told);
  await assert.rejects(resource.ready({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
});

test("a drain tells every producer", async () => {
  const { resource } = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 0 } }] });
  const held = await resource.acquire();
  const waiting = resource.ready();
  void resource.drain();
  await assert.rejects(waiting, { code: "LANEWAY_DRAINING", reason: "draining" });
  await assert.rejects(resource.ready(), { code: "LANEWAY_DRAINING" });
  held.release();
});
