import assert from "node:assert/strict";
import { test } from "node:test";
import { LanewayError } from "../../src/core/errors.ts";
import type { ResourceOptions } from "../../src/core/options.ts";
import { runInLane } from "../../src/node/context.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";

const LANES = ["critical", "high", "normal", "low", "bulk"].map((name) => ({ name }));

/** A resource with seats for all, whose memory is as full as the last call of `fill` says. */
function filled(options: Partial<ResourceOptions> = {}): {
  resource: Resource;
  fill: (part: number) => Promise<void>;
} {
  let used = 0;
  const clock = new TestClock();
  const resource = new Resource({
    name: "http",
    limit: 100,
    lanes: LANES,
    clock,
    memory: () => used,
    ...options,
  });
  const fill = (part: number): Promise<void> => {
    used = part;
    // It is looked at once a second.
    return clock.advance(1_000);
  };
  return { resource, fill };
}

/** The lanes that take a second task, each after a first one of its own. */
async function open(resource: Resource): Promise<string[]> {
  const taking: string[] = [];
  for (const { name: lane } of LANES)
    await resource.acquire({ lane }).then(
      () => taking.push(lane),
      () => undefined,
    );
  return taking;
}

test("as memory runs out newcomers are refused lane by lane from the lowest up, the top lane's never", async () => {
  const { resource, fill } = filled();
  for (const { name: lane } of LANES) await resource.acquire({ lane });
  const shut: [number, number][] = [];
  for (const part of [0, 0.89, 0.9, 0.93, 0.96, 0.99, 1.2]) {
    await fill(part);
    const taking = await open(resource);
    assert.deepEqual(
      taking,
      LANES.slice(0, taking.length).map(({ name }) => name),
      `at ${part}`,
    );
    shut.push([part, LANES.length - taking.length]);
  }
  assert.deepEqual(shut, [
    [0, 0],
    [0.89, 0],
    [0.9, 1],
    [0.93, 2],
    [0.96, 3],
    [0.99, 4],
    [1.2, 4],
  ]);
});

test("the refusal says so, is counted once, and an adapter that first looks for a seat counts it once too", async () => {
  const { resource, fill } = filled();
  const first = await resource.acquire({ lane: "bulk" });
  await fill(0.95);
  assert.equal(resource.tryAcquire({ lane: "bulk" }), undefined);
  await assert.rejects(resource.acquire({ lane: "bulk" }), (error) => {
    assert.ok(error instanceof LanewayError);
    assert.deepEqual([error.code, error.reason], ["LANEWAY_REJECTED", "memory"]);
    assert.match(error.message, /short of memory.*try again in \d+ s$/);
    return true;
  });
  const { rejected, reasons, admitted } = resource.snapshot().lanes.at(-1)!;
  assert.deepEqual([admitted, rejected, reasons], [1, 1, { memory: 1 }]);
  first.release();
});

test("a lane with nothing in hand takes one task whatever memory says, so that it is found well again", async () => {
  const { resource, fill } = filled({ limit: 1 });
  await fill(1);
  const top = await resource.acquire({ lane: "critical" });
  const waiting = resource.acquire({ lane: "bulk" });
  await assert.rejects(resource.acquire({ lane: "bulk" }), { reason: "memory" });
  top.release();
  const permit = await waiting;
  await assert.rejects(resource.acquire({ lane: "bulk" }), { reason: "memory" });
  permit.release();
  (await resource.acquire({ lane: "bulk" })).release();
});

test("what was accepted before is served, and what is exempt goes past", async () => {
  const { resource, fill } = filled({
    limit: 1,
    lanes: [{ name: "critical" }, { name: "bulk" }, { name: "probe", exempt: true }],
  });
  const top = await resource.acquire({ lane: "critical" });
  const served = Promise.all([1, 2, 3].map(() => resource.run(() => "served", { lane: "bulk" })));
  await fill(1);
  assert.equal(await resource.run(() => "up", { lane: "probe" }), "up");
  top.release();
  assert.deepEqual(await served, ["served", "served", "served"]);
});

test("it can be switched off and on again, and in shadow mode is only counted", async () => {
  const { resource, fill } = filled();
  await fill(1);
  await resource.acquire({ lane: "bulk" });
  resource.update({ memory: false });
  await resource.acquire({ lane: "bulk" });
  resource.update({ memory: true });
  await assert.rejects(resource.acquire({ lane: "bulk" }), { reason: "memory" });
  assert.throws(() => resource.update({ memory: (() => 1) as never }), /expected true or false/);
  assert.throws(() => filled({ memory: 0.9 as never }), /memory: expected true, false or a function/);
  resource.update({ enforce: false });
  await resource.acquire({ lane: "bulk" });
  assert.deepEqual(resource.snapshot().lanes.at(-1)!.reasons, { memory: 2 });
});

test("an adapter that first looks for a free seat counts a newcomer to a draining resource once", async () => {
  const { resource } = filled();
  const held = await resource.acquire();
  const drained = resource.drain();
  assert.equal(resource.tryAcquire({ lane: "bulk" }), undefined);
  await assert.rejects(
    runInLane("bulk", () => resource.acquire()),
    { code: "LANEWAY_DRAINING" },
  );
  assert.equal(resource.snapshot().lanes.at(-1)!.rejected, 1);
  held.release();
  await drained;
});
