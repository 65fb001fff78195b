/** A task that was put back and whose user is done before its turn comes: the turn is nobody's. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";

const LONGER_THAN_ANY_TIME_OUT_MS = 600_000;

/** One seat, and what nobody listened to. */
function single(t: TestContext): { clock: TestClock; resource: Resource; unheard: unknown[] } {
  const clock = new TestClock();
  const resource = new Resource({
    name: "db",
    limit: 1,
    lanes: [{ name: "high" }, { name: "low" }],
    clock,
  });
  const unheard: unknown[] = [];
  const hear = (reason: unknown): void => void unheard.push(reason);
  process.on("unhandledRejection", hear);
  t.after(() => process.off("unhandledRejection", hear));
  return { clock, resource, unheard };
}

for (const afterMs of [0, 10]) {
  test(`a run whose function does not wait for its requeue of ${afterMs} ms leaves no seat behind`, async (t) => {
    const { clock, resource, unheard } = single(t);
    const low = resource.run(
      async (permit) => {
        await clock.sleep(5);
        void permit.requeue({ afterMs });
        return "done";
      },
      { lane: "low" },
    );
    const high = resource.run(() => clock.sleep(5), { lane: "high" });
    await clock.advance(5);
    assert.equal(await low, "done");
    await clock.advance(LONGER_THAN_ANY_TIME_OUT_MS);
    await high;
    const { seatsInUse, waiting, lanes } = resource.snapshot();
    assert.deepEqual([seatsInUse, waiting, lanes[1]!.running], [0, 0, 0]);
    assert.equal(lanes[1]!.admitted, lanes[1]!.finished + lanes[1]!.failed);
    assert.deepEqual(unheard, []);
    assert.equal(await resource.drain({ timeoutMs: 0 }), true);
  });

  test(`a permit released during its requeue of ${afterMs} ms is out of the queue, and whoever waits for it hears so`, async (t) => {
    const { clock, resource, unheard } = single(t);
    const permit = await resource.acquire({ lane: "low" });
    const high = resource.run(() => clock.sleep(5), { lane: "high" });
    const turn = permit.requeue({ afterMs });
    permit.release();
    await assert.rejects(turn, { name: "AbortError", message: /released before its turn/ });
    await clock.advance(LONGER_THAN_ANY_TIME_OUT_MS);
    await high;
    const { seatsInUse, waiting, lanes } = resource.snapshot();
    assert.deepEqual([seatsInUse, waiting, lanes[1]!.running, lanes[1]!.failed], [0, 0, 0, 1]);
    assert.deepEqual(unheard, []);
  });
}
