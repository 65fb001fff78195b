import assert from "node:assert/strict";
import { test } from "node:test";
import { LateClock } from "../../scripts/soak/late-clock.ts";
import { Resource } from "../../src/node/resource.ts";

const LONGER_THAN_A_LOOK_AHEAD_MS = 1_000;

test("a map that is given up just as its item is shed leaves no timer behind", async () => {
  const clock = new LateClock();
  const resource = new Resource({
    name: "db",
    limit: 1,
    lanes: [{ name: "high" }, { name: "low" }],
    queue: { max: 1, whenFull: "evict" },
    clock,
  });
  const seat = await resource.acquire({ lane: "high" });
  const gone = new AbortController();
  const reason = new Error("gone");
  const first = resource.map([1], (item) => item, { lane: "low", signal: gone.signal }).next();
  const given = assert.rejects(first, reason);
  await clock.advance(0);
  assert.equal(resource.snapshot().waiting, 1);
  // Its item is put out, and before it has heard of that the whole map is given up.
  const next = resource.acquire({ lane: "high" });
  gone.abort(reason);
  seat.release();
  (await next).release();
  await clock.advance(LONGER_THAN_A_LOOK_AHEAD_MS);
  assert.equal(resource.snapshot().lanes[1]!.evicted, 1);
  assert.equal(clock.pending, 0);
  await given;
});
