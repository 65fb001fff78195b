import assert from "node:assert/strict";
import { test } from "node:test";
import type { LaneOptions } from "../../src/core/options.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";

function lanes(state: NonNullable<LaneOptions["state"]>): LaneOptions[] {
  return [{ name: "critical", reservation: 1, lendable: 0, state }, { name: "bulk" }];
}

function twoLanes(state: NonNullable<LaneOptions["state"]> = "open", limit = 2): Resource {
  return new Resource({ name: "db", limit, clock: new TestClock(), lanes: lanes(state) });
}

test("a paused lane queues and starts nothing, though seats are free, until it is opened again", async () => {
  const resource = twoLanes("paused");
  const order: string[] = [];
  const waits = [1, 2].map((n) => resource.run(() => order.push(`critical ${n}`), { lane: "critical" }));
  assert.equal(resource.tryAcquire({ lane: "critical" }), undefined);
  assert.deepEqual([resource.snapshot().waiting, resource.snapshot().seatsInUse], [2, 0]);
  await resource.run(() => order.push("bulk"), { lane: "bulk" });
  resource.update({ lanes: lanes("open") });
  await Promise.all(waits);
  assert.deepEqual(order, ["bulk", "critical 1", "critical 2"]);
});

test("what a paused lane is guaranteed is the others' meanwhile, what it holds stays its own", async () => {
  const resource = twoLanes();
  const held = await resource.acquire({ lane: "critical" });
  resource.update({ lanes: lanes("paused") });
  assert.deepEqual(
    resource.snapshot().lanes.map(({ seats, reservation, ceiling }) => [seats, reservation, ceiling]),
    [
      [1, 0, 0],
      [0, 0, 2],
    ],
  );
  const bulk = await resource.acquire({ lane: "bulk" });
  held.release();
  // Open, its floor would be kept from others: one seat for bulk, no more.
  const second = await resource.acquire({ lane: "bulk" });
  bulk.release();
  second.release();
});

test("a wide task that waits in a paused lane keeps no seat from others, and its width", async () => {
  const resource = twoLanes("paused");
  const wide = resource.acquire({ lane: "critical", width: 2 });
  const bulk = [await resource.acquire({ lane: "bulk" }), await resource.acquire({ lane: "bulk" })];
  for (const permit of bulk) permit.release();
  resource.update({ lanes: lanes("open") });
  const permit = await wide;
  assert.equal(resource.snapshot().seatsInUse, 2);
  permit.release();
});

test("a draining lane refuses newcomers and serves those that wait; other lanes go on", async () => {
  const resource = twoLanes("open", 2);
  const held = await resource.acquire({ lane: "bulk" });
  const waiting = resource.run(() => "served", { lane: "bulk" });
  resource.update({ lanes: [lanes("open")[0]!, { name: "bulk", state: "draining" }] });
  await assert.rejects(resource.acquire({ lane: "bulk" }), { code: "LANEWAY_DRAINING", reason: "draining" });
  assert.equal(await resource.run(() => "critical", { lane: "critical" }), "critical");
  held.release();
  assert.equal(await waiting, "served");
  resource.update({ lanes: lanes("open") });
  (await resource.acquire({ lane: "bulk" })).release();
});

test("a nested wait in a paused lane is no deadlock: whoever paused it will open it", async () => {
  const clock = new TestClock();
  const resource = new Resource({ name: "db", limit: 1, clock, detectDeadlock: true, lanes: lanes("open") });
  const order: string[] = [];
  const outer = resource.run(
    async (permit) => {
      resource.update({ lanes: lanes("paused") });
      const inner = resource.run(() => order.push("inner"), { lane: "critical" });
      permit.release();
      resource.update({ lanes: lanes("open") });
      await inner;
    },
    { lane: "critical" },
  );
  await outer;
  assert.deepEqual(order, ["inner"]);
});

test("a state that there is not, or that would have no effect, is refused", () => {
  assert.throws(
    () => twoLanes("closed" as never),
    /state: expected .*open.*paused.*draining.*found "closed"/,
  );
  assert.throws(
    () =>
      new Resource({
        name: "db",
        limit: 1,
        lanes: [{ name: "a" }, { name: "probe", exempt: true, state: "paused" }],
      }),
    /exempt lane never waits/,
  );
});
