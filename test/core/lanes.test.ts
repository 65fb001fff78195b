/** What a lane is when little is said about it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { simulated } from "./simulated.ts";

test("the five lanes are the default, normal is where a task goes that names none", () => {
  const { resource } = simulated({ limit: 8 });
  const { lanes } = resource.snapshot();
  assert.deepEqual(
    lanes.map(({ name, reservation, floor }) => [name, reservation, floor]),
    [
      ["critical", 3, 1],
      ["high", 2, 0],
      ["normal", 2, 0],
      ["low", 1, 0],
      ["bulk", 0, 0],
    ],
  );
  assert.equal(resource.tryAcquire()!.lane, "normal");
  assert.equal(
    simulated({ limit: 1, lanes: [{ name: "a" }, { name: "b" }] }).resource.tryAcquire()!.lane,
    "b",
  );
});

test("a lane's other defaults come from its name: batch as bulk, a strange one as normal", async () => {
  const expectations = { critical: 10_000, batch: 300_000, strange: 60_000 };
  for (const [name, timeoutMs] of Object.entries(expectations)) {
    const { clock, resource } = simulated({ limit: 1, lanes: [{ name, timeoutMs: 1e9 }] });
    await resource.acquire();
    const late = assert.rejects(resource.acquire(), { reason: "queue", waitMs: timeoutMs });
    await clock.advance(timeoutMs);
    await late;
  }
});

test("an exempt lane takes no seat, never waits, and is counted", async () => {
  const { clock, resource } = simulated({
    limit: 1,
    lanes: [{ name: "a" }, { name: "health", exempt: true }],
  });
  const held = await resource.acquire({ lane: "a" });
  const runs = Array.from({ length: 5 }, () => resource.run(() => clock.sleep(10), { lane: "health" }));
  const { seatsInUse, lanes } = resource.snapshot();
  assert.deepEqual([seatsInUse, lanes[1]!.running, lanes[1]!.admitted], [1, 5, 5]);
  const permit = await resource.acquire({ lane: "health" });
  const again = await permit.requeue();
  again.release();
  await clock.advance(10);
  await Promise.all(runs);
  assert.equal(resource.snapshot().lanes[1]!.finished, 6);
  held.release();
});
