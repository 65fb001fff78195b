import assert from "node:assert/strict";
import { test } from "node:test";
import { inSlices } from "../../../src/adapters/threads.ts";
import { Resource } from "../../../src/node/resource.ts";
import { TestClock } from "../../../src/testing/index.ts";

const LANES = [{ name: "critical" }, { name: "normal" }, { name: "bulk" }];

test("work on the main thread gives way to a higher lane between two slices, and goes on afterwards", async () => {
  const resource = new Resource({ name: "main-thread", limit: 1, lanes: LANES });
  const order: string[] = [];
  let critical: Promise<unknown> | undefined;
  const result = await inSlices(
    resource,
    async (giveWay) => {
      for (let step = 1; step <= 3; step++) {
        order.push(`bulk ${step}`);
        if (step === 1) critical = resource.run(() => order.push("critical"), { lane: "critical" });
        await giveWay();
      }
      return "done";
    },
    { lane: "bulk", sliceMs: 0 },
  );
  await critical;
  assert.equal(result, "done");
  assert.deepEqual(order, ["bulk 1", "critical", "bulk 2", "bulk 3"]);
  const { seatsInUse, lanes } = resource.snapshot();
  assert.equal(seatsInUse, 0);
  assert.deepEqual([lanes[2]!.admitted, lanes[2]!.finished], [1, 1]);
});

test("it gives way to nobody of its own lane or below, but lets the event loop go on", async () => {
  const resource = new Resource({ name: "main-thread", limit: 1, lanes: LANES });
  const order: string[] = [];
  let others: Promise<unknown> | undefined;
  await inSlices(
    resource,
    async (giveWay) => {
      others = Promise.all(["normal", "bulk"].map((lane) => resource.run(() => order.push(lane), { lane })));
      setImmediate(() => order.push("event loop"));
      await giveWay();
      order.push("first");
    },
    { lane: "normal", sliceMs: 0 },
  );
  await others;
  assert.deepEqual(order, ["event loop", "first", "normal", "bulk"]);
});

test("within its slice it goes on without a pause", async () => {
  const resource = new Resource({ name: "main-thread", limit: 1, lanes: LANES });
  let turned = false;
  await inSlices(
    resource,
    async (giveWay) => {
      setImmediate(() => (turned = true));
      for (let step = 0; step < 100; step++) await giveWay();
    },
    { sliceMs: 60_000 },
  );
  assert.equal(turned, false);
});

test("a caller who leaves, an error of the work and a time-out end it with its seat", async () => {
  const clock = new TestClock();
  const resource = new Resource({ name: "main-thread", limit: 1, lanes: LANES, clock });
  const leaving = new AbortController();
  const left = inSlices(
    resource,
    async (giveWay) => {
      leaving.abort(new Error("left"));
      await giveWay();
    },
    { signal: leaving.signal, sliceMs: 0 },
  );
  await assert.rejects(left, { message: "left" });
  await assert.rejects(
    inSlices(resource, () => {
      throw new Error("own");
    }),
    { message: "own" },
  );
  const late = inSlices(
    resource,
    async (giveWay) => {
      await clock.advance(100);
      await giveWay();
    },
    { timeoutMs: 50, sliceMs: 0 },
  );
  await assert.rejects(late, { code: "LANEWAY_DEADLINE" });
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("wrong options of slices are refused", async () => {
  const resource = new Resource({ name: "main-thread", limit: 1 });
  await assert.rejects(
    inSlices(undefined as never, () => 1),
    /inSlices: expected a Resource/,
  );
  await assert.rejects(inSlices(resource, 1 as never), /inSlices: expected a function/);
  await assert.rejects(
    inSlices(resource, () => 1, { sliceMs: -1 }),
    /sliceMs: expected a number from 0/,
  );
  await assert.rejects(
    inSlices(resource, () => 1, { slice: 1 } as never),
    /expected one of the options lane/,
  );
});
