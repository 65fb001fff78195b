/** Promise 8, and how the lane travels: a task starts in its own caller's async context, and takes defaults from it. */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import { currentLane, runInLane } from "../../src/node/context.ts";
import { Resource } from "../../src/node/resource.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { simulated } from "./simulated.ts";

const caller = new AsyncLocalStorage<string>();

test("fn runs in the context of the call that submitted it, not of the one that released the seat", async () => {
  const { resource } = simulated({ limit: 1 });
  const seen: string[] = [];
  const held = await resource.acquire();
  const tasks = ["alice", "bob"].map((who) =>
    caller.run(who, () =>
      resource.run(async () => {
        seen.push(`${who} starts as ${caller.getStore()}`);
        await Promise.resolve();
        seen.push(`${who} goes on as ${caller.getStore()}`);
      }),
    ),
  );
  caller.run("the releaser", () => held.release());
  await Promise.all(tasks);
  assert.deepEqual(seen, [
    "alice starts as alice",
    "alice goes on as alice",
    "bob starts as bob",
    "bob goes on as bob",
  ]);
});

test("what follows an acquire runs in the context of the call that waited", async () => {
  const { resource } = simulated({ limit: 1 });
  const held = await resource.acquire();
  const waits = caller.run("alice", async () => {
    (await resource.acquire()).release();
    return caller.getStore();
  });
  caller.run("the releaser", () => held.release());
  assert.equal(await waits, "alice");
});

test("a task put out by a newcomer goes on in its own context", async () => {
  const { resource } = simulated({
    limit: 1,
    lanes: [{ name: "high" }, { name: "low" }],
    queue: { max: 1, whenFull: "evict" },
  });
  const held = await resource.acquire({ lane: "low" });
  const evicted = caller.run("alice", () =>
    resource
      .run(() => undefined, { lane: "low" })
      .catch((error: unknown) => [(error as { code: string }).code, caller.getStore()]),
  );
  const newcomer = caller.run("bob", () => resource.run(() => caller.getStore(), { lane: "high" }));
  held.release();
  assert.deepEqual([await evicted, await newcomer], [["LANEWAY_EVICTED", "alice"], "bob"]);
});

test("a task without a lane is of the lane around it, through await, timers and nesting", async () => {
  const { resource } = simulated({ limit: 4 });
  const laneOf = (lane?: string): Promise<string> =>
    resource.run((permit) => permit.lane, lane === undefined ? {} : { lane });
  assert.equal(await laneOf(), "normal");
  await runInLane("bulk", async () => {
    assert.equal(currentLane(), "bulk");
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await laneOf(), "bulk");
    assert.equal(await laneOf("high"), "high", "the task's own word wins");
    assert.equal(await runInLane("critical", () => laneOf()), "critical");
    assert.equal(await resource.run(() => laneOf()), "bulk", "inside a task too");
  });
  assert.equal(currentLane(), undefined);
});

test("ready and map take the lane around them", async () => {
  const { clock, resource } = simulated({
    limit: 1,
    lanes: [{ name: "a" }, { name: "b", queue: { max: 0 } }],
  });
  void resource.run(() => clock.sleep(10), { lane: "a" });
  let told = false;
  void runInLane("b", () => resource.ready()).then(() => (told = true));
  await clock.advance(5);
  assert.equal(told, false, "lane b is full, lane a is not");
  const lanes = runInLane("b", async () => {
    const found: string[] = [];
    for await (const lane of resource.map([1], (_, permit) => permit.lane)) found.push(lane);
    return found;
  });
  await clock.advance(2_000);
  assert.deepEqual([told, await lanes], [true, ["b"]]);
});

test("the flow around a task is its flow unless it names one", () => {
  const { resource } = simulated({ limit: 4 });
  const flowOf = (flow?: string): string | undefined =>
    resource.tryAcquire(flow === undefined ? {} : { flow })?.flow;
  runInLane({ lane: "bulk", flow: "tenant-7" }, () => {
    assert.deepEqual([flowOf(), flowOf("tenant-8")], ["tenant-7", "tenant-8"]);
    assert.equal(
      runInLane("high", () => flowOf()),
      "tenant-7",
      "a lane around it leaves the flow",
    );
  });
});

test("a lane of the context that the resource does not have is ignored, one that a task names is not", () => {
  const { resource } = simulated({ limit: 2, lanes: [{ name: "only" }] });
  runInLane("critical", () => {
    assert.equal(resource.tryAcquire()?.lane, "only");
    assert.throws(() => resource.tryAcquire({ lane: "critical" }), { code: "LANEWAY_INVALID" });
  });
});

test("the deadline of the context binds tasks on the system clock, and the earlier of two counts", async () => {
  const resource = new Resource({ name: "db", limit: 1 });
  const passed = systemClock.now() - 1;
  const later = systemClock.now() + 60_000;
  for (const [around, own] of [
    [passed, undefined],
    [passed, later],
    [later, passed],
  ] as const)
    await runInLane({ lane: "normal", deadline: around }, () =>
      assert.rejects(
        resource.run(() => undefined, own === undefined ? {} : { deadline: own }),
        { code: "LANEWAY_DEADLINE", reason: "passed" },
      ),
    );
  assert.equal(
    await runInLane({ lane: "normal", deadline: later }, () => resource.run(() => "in time")),
    "in time",
  );
});

test("the deadline of the context, on the system's clock, means nothing to a resource on another", async () => {
  const { resource } = simulated({ limit: 1 });
  assert.equal(await runInLane({ lane: "normal", deadline: -1 }, () => resource.run(() => "done")), "done");
});

test("a released seat is the waiter's: a newcomer however many microtasks later comes behind it", async () => {
  for (let distance = 0; distance <= 9; distance++) {
    const { resource } = simulated({ limit: 1 });
    const order: string[] = [];
    const held = await resource.acquire();
    const waiter = resource.run(async () => {
      order.push("waiter");
      for (let i = 0; i < 12; i++) await Promise.resolve();
    });
    held.release();
    assert.deepEqual(
      [resource.snapshot().seatsInUse, resource.snapshot().waiting],
      [1, 0],
      "handed over in the call",
    );
    for (let i = 0; i < distance; i++) await Promise.resolve();
    assert.equal(resource.tryAcquire(), undefined, `free ${distance} microtasks after the release`);
    const newcomer = resource.run(() => order.push("newcomer"));
    await Promise.all([waiter, newcomer]);
    assert.deepEqual(order, ["waiter", "newcomer"]);
  }
});
