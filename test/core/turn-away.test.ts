import assert from "node:assert/strict";
import { test } from "node:test";
import { Resource } from "../../src/node/resource.ts";
import { runInLane } from "../../src/node/context.ts";
import { TestClock } from "../../src/testing/clock.ts";

const LANES = [{ name: "high" }, { name: "bulk" }];

test("a task that the next service would refuse is rejected, counted and recorded, and takes no seat", () => {
  const resource = new Resource({ name: "billing", limit: 1, lanes: LANES, clock: new TestClock() });
  const told: unknown[] = [];
  resource.onRecord(({ lane, flow, id, outcome, reason, retryAfterMs }) =>
    told.push([lane, flow, id, outcome, reason, retryAfterMs]),
  );
  const error = runInLane("bulk", () => resource.turnAway({ flow: "nightly", id: "a" }, 1_500));
  assert.deepEqual(
    [error?.code, error?.reason, error?.lane, error?.flow, error?.waitMs, error?.retryAfterMs],
    ["LANEWAY_REJECTED", "next-service", "bulk", "nightly", 0, 1_500],
  );
  assert.match(error!.message, /asked to be left alone for 2 s; this one was not sent$/);
  assert.deepEqual(told, [["bulk", "nightly", "a", "rejected", "next-service", 1_500]]);
  const { lanes, seatsInUse, waiting } = resource.snapshot();
  assert.deepEqual([seatsInUse, waiting], [0, 0]);
  assert.deepEqual(
    lanes.map(({ rejected, admitted, reasons }) => [rejected, admitted, reasons]),
    [
      [0, 0, {}],
      [1, 0, { "next-service": 1 }],
    ],
  );
});

test("in shadow mode it is counted and goes on", () => {
  const resource = new Resource({ name: "billing", limit: 1, lanes: LANES, enforce: false });
  assert.equal(resource.turnAway({ lane: "bulk" }, 1_500), undefined);
  assert.deepEqual(resource.snapshot().lanes[1]!.reasons, { "next-service": 1 });
});

test("a task that could not have been submitted is no refusal but a mistake", () => {
  const resource = new Resource({ name: "billing", limit: 1, lanes: LANES });
  assert.throws(() => resource.turnAway({ lane: "low" }, 1), /expected one of high, bulk, found "low"/);
  assert.throws(() => resource.turnAway({ width: 0 }, 1), /width/);
  assert.deepEqual(resource.snapshot().lanes[0]!.reasons, {});
});
