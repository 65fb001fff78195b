/** A permit after `yield`: it stays in force, whatever becomes of the task meanwhile. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLanewayError } from "../../src/core/errors.ts";
import type { Limit } from "../../src/core/limit/limit.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { LANES, oneSeat } from "./one-seat.ts";

test("the permit stays in force: signal, lane, wait, time-out and release are those of the task", async () => {
  const { clock, resource } = oneSeat();
  const leaving = new AbortController();
  const permit = await resource.acquire({ lane: "bulk", flow: "one", signal: leaving.signal });
  const { signal } = permit;
  for (let round = 1; round <= 3; round++) {
    const critical = resource.acquire({ lane: "critical" });
    await clock.advance(10);
    const turn = permit.yield();
    const other = await critical;
    await clock.advance(5);
    assert.equal(permit.waitMs, 5 * round, "counted while it waits");
    other.release();
    assert.equal(await turn, true);
    assert.deepEqual([permit.lane, permit.flow, permit.waitMs], ["bulk", "one", 5 * round]);
    assert.equal(permit.signal, signal);
  }
  leaving.abort(new Error("left"));
  assert.equal(signal.aborted, true);
  assert.equal(resource.snapshot().seatsInUse, 1);
  permit.release();
  permit.release();
  assert.equal(resource.snapshot().seatsInUse, 0);
  assert.throws(() => permit.yield(), {
    code: "LANEWAY_INVALID",
    message: /permit\.yield: expected a permit/,
  });
});

test("a signal that is first read after it gave way hears the caller, too", async () => {
  const { clock, resource } = oneSeat();
  const leaving = new AbortController();
  const permit = await resource.acquire({ lane: "bulk", signal: leaving.signal });
  void resource.run(() => clock.sleep(1), { lane: "critical" });
  await clock.advance(10);
  const turn = permit.yield();
  await clock.advance(1);
  await turn;
  const { signal } = permit;
  leaving.abort(new Error("left"));
  assert.equal(signal.aborted, true);
  await assert.rejects(permit.yield(), { message: "left" });
  permit.release();
});

test("who gives way many times leaves nothing behind", async () => {
  const { clock, resource } = oneSeat();
  const permit = await resource.acquire({ lane: "bulk" });
  for (let round = 0; round < 200; round++) {
    void resource.run(() => clock.sleep(1), { lane: "critical" });
    await clock.advance(10);
    const turn = permit.yield();
    await clock.advance(1);
    assert.equal(await turn, true);
  }
  let length = 0;
  type Link = { more?: { successor?: Link } };
  for (let task: Link | undefined = permit as Link; task !== undefined; task = task.more?.successor) length++;
  assert.equal(length, 2, "the first and the last");
  permit.release();
});

test("a caller who leaves and a time that is up end the work at its next look, waiting or not", async () => {
  const { clock, resource } = oneSeat();
  const leaving = new AbortController();
  const left = await resource.acquire({ lane: "bulk", signal: leaving.signal });
  const critical = resource.acquire({ lane: "critical" });
  await clock.advance(10);
  const turn = left.yield();
  const told = assert.rejects(turn, { message: "left" });
  leaving.abort(new Error("left"));
  await told;
  (await critical).release();
  left.release();
  const late = resource.run(
    async (permit) => {
      await clock.sleep(30);
      await permit.yield();
      assert.fail("it goes on");
    },
    { lane: "bulk", timeoutMs: 20 },
  );
  const refused = assert.rejects(late, { code: "LANEWAY_DEADLINE" });
  await clock.advance(50);
  await refused;
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("a time-out that passes while it waits is told to whoever waits", async () => {
  const { clock, resource } = oneSeat();
  const work = resource.run(
    async (permit) => {
      await clock.sleep(10);
      await permit.yield();
    },
    { lane: "bulk", timeoutMs: 25 },
  );
  void resource.run(() => clock.sleep(100), { lane: "critical" });
  const refused = assert.rejects(work, (error: unknown) => isLanewayError(error) && error.waitMs === 15);
  await clock.advance(25);
  await refused;
  await clock.advance(100);
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("work that ends without waiting for its turn is out of the queue", async () => {
  const { clock, resource } = oneSeat();
  let turn: Promise<boolean> | undefined;
  const work = resource.run(
    async (permit) => {
      await clock.sleep(10);
      turn = permit.yield();
      return "done";
    },
    { lane: "bulk" },
  );
  const critical = resource.acquire({ lane: "critical" });
  await clock.advance(10);
  assert.equal(await work, "done");
  await turn;
  assert.equal(resource.snapshot().waiting, 0);
  (await critical).release();
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("several parts of one task that ask at once wait together", async () => {
  const { clock, resource } = oneSeat();
  const permit = await resource.acquire({ lane: "bulk" });
  const critical = resource.acquire({ lane: "critical" });
  await clock.advance(10);
  const turns = [permit.yield(), permit.yield()];
  assert.equal(resource.snapshot().lanes[2]!.waiting, 1);
  (await critical).release();
  assert.deepEqual(await Promise.all(turns), [true, true]);
  permit.release();
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("an adaptive limit hears of the whole task and not of its slices", async () => {
  const heard: boolean[] = [];
  const limit: Limit = { current: 1, onRelease: (_ms, _seats, failed) => void heard.push(failed) };
  const clock = new TestClock();
  const resource = new Resource({ name: "x", limit, lanes: LANES, clock });
  const permit = await resource.acquire({ lane: "bulk" });
  for (let round = 0; round < 3; round++) {
    const critical = resource.acquire({ lane: "critical" });
    await clock.advance(10);
    const turn = permit.yield();
    (await critical).release();
    await turn;
  }
  permit.release();
  assert.deepEqual(heard, [false, false, false, false], "three critical ones, and one of bulk");
});

test("what it was charged to a budget stays charged once, and is put right when it ends", async () => {
  const clock = new TestClock();
  const budgets = { inputTokens: 60_000 };
  const resource = new Resource({ name: "x", limit: 1, lanes: LANES, aging: false, budgets, clock });
  const left = (): number => resource.snapshot().budgets[0]!.inputTokens!.left;
  const permit = await resource.acquire({ lane: "bulk", cost: { inputTokens: 50_000 } });
  // What is left would not be enough for it again.
  for (const ends of ["later", "while it waits"]) {
    const critical = resource.acquire({ lane: "critical", cost: { inputTokens: 0 } });
    await clock.advance(10);
    const turn = permit.yield();
    const other = await critical;
    assert.ok(left() < 11_000, `${left()} tokens are left`);
    if (ends === "while it waits") permit.release({ cost: { inputTokens: 50_000 } });
    other.release();
    assert.equal(await turn, true);
  }
  assert.ok(left() < 11_000, `${left()} tokens are left`);
  const next = await resource.acquire({ lane: "bulk", cost: { inputTokens: 5_000 } });
  const critical = resource.acquire({ lane: "critical", cost: { inputTokens: 0 } });
  await clock.advance(10);
  const turn = next.yield();
  (await critical).release();
  await turn;
  const before = left();
  next.release({ cost: { inputTokens: 1_000 } });
  assert.equal(Math.round(left() - before), 4_000);
});

test("the code that runs under it is known as its own after it gave way", async () => {
  const clock = new TestClock();
  const resource = new Resource({ name: "x", limit: 1, lanes: LANES, clock, detectDeadlock: true });
  const work = resource.run(
    async (permit) => {
      await clock.sleep(10);
      assert.equal(await permit.yield(), true);
      assert.equal(resource.currentPermit(), permit);
    },
    { lane: "bulk" },
  );
  void resource.run(() => clock.sleep(1), { lane: "critical" });
  await clock.advance(20);
  await work;
});

test("in shadow mode nobody waits, and an exempt lane has nothing to give", async () => {
  const clock = new TestClock();
  const lanes = [...LANES, { name: "exempt", exempt: true }];
  for (const enforce of [true, false]) {
    const resource = new Resource({ name: "x", limit: 1, lanes, clock, enforce });
    const permit = await resource.acquire({ lane: enforce ? "exempt" : "bulk" });
    const others = [resource.acquire({ lane: "critical" }), resource.acquire({ lane: "critical" })];
    await clock.advance(10);
    assert.equal(await permit.yield(), false);
    permit.release();
    for (const other of others) (await other).release();
    assert.equal(resource.snapshot().seatsInUse, 0);
  }
});
