/**
 * "Each free seat goes, in this order, to: (a) the lane whose floor it is; (b) the top lane, while below its
 * reservation; (c) the aged pick, if aging's budget allows; (d) lanes below their reservation, by rank; (e) the rest,
 * by rank or weight." Three worked traces of that sentence.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { simulated } from "./simulated.ts";

test("a floor comes before the top lane, the top lane's reservation before others', reservations before rank", async () => {
  const { clock, trace } = simulated({
    limit: 3,
    aging: false,
    lanes: [
      { name: "critical", reservation: 1, lendable: "100%" },
      { name: "normal", reservation: 1, lendable: 0 },
      { name: "bulk", reservation: 1, lendable: "100%" },
    ],
  });
  // Two seats can be borrowed; the third is the floor of normal and stays idle for it.
  void trace.submit("bulk-1", 10, { lane: "bulk" });
  void trace.submit("bulk-2", 20, { lane: "bulk" });
  void trace.submit("bulk-3", 10, { lane: "bulk" });
  void trace.submit("critical-1", 15, { lane: "critical" });
  void trace.submit("critical-2", 10, { lane: "critical" });
  void trace.submit("normal-1", 40, { lane: "normal" });
  void trace.submit("normal-2", 10, { lane: "normal" });
  await clock.advance(200);
  assert.deepEqual(trace.events, [
    "0: bulk-1 starts",
    "0: bulk-2 starts",
    "0: normal-1 starts", //    (a) its floor seat was kept idle for it
    "10: bulk-1 ends",
    "10: critical-1 starts", // (b) the top lane is below its reservation
    "20: bulk-2 ends",
    "20: bulk-3 starts", //     (d) bulk holds nothing now, critical has its one seat: below its reservation beats rank
    "25: critical-1 ends",
    "25: critical-2 starts", // (b) again
    "30: bulk-3 ends",
    "30: normal-2 starts", //   (e) nobody below its reservation waits: normal goes beyond its own
    "35: critical-2 ends",
    "40: normal-1 ends",
    "40: normal-2 ends",
  ]);
});

test("the aged pick comes after the top lane's reservation and before everybody else's", async () => {
  const { clock, trace } = simulated({
    limit: 2,
    aging: { afterMs: 20, budget: 0.5 },
    lanes: [
      { name: "critical", reservation: 1 },
      { name: "normal", reservation: 1, aging: { afterMs: 1_000 } },
      { name: "bulk" },
    ],
  });
  void trace.submit("critical-1", 30, { lane: "critical" });
  void trace.submit("normal-1", 40, { lane: "normal" });
  void trace.submit("bulk-1", 10, { lane: "bulk" });
  void trace.submit("normal-2", 10, { lane: "normal" });
  void trace.submit("critical-2", 30, { lane: "critical" });
  await clock.advance(200);
  assert.deepEqual(trace.events, [
    "0: critical-1 starts",
    "0: normal-1 starts",
    "30: critical-1 ends",
    "30: critical-2 starts", // (b) bulk-1 is old, but the top lane is below its reservation
    "40: normal-1 ends",
    "40: bulk-1 starts", //     (c) and now it goes, although normal is below its own
    "50: bulk-1 ends",
    "50: normal-2 starts", //   (d)
    "60: critical-2 ends",
    "60: normal-2 ends",
  ]);
});

test("the rest goes by weight; an expired head is settled on the way and a wide one parks seats", async () => {
  const { clock, trace } = simulated({
    limit: 2,
    aging: false,
    order: "weighted",
    lanes: [
      { name: "gold", weight: 3 },
      { name: "tin", weight: 1 },
    ],
  });
  void trace.submit("gold-0", 10, { lane: "gold" });
  void trace.submit("tin-0", 20, { lane: "tin" });
  void trace.submit("gold-late", 10, { lane: "gold", flow: "x", timeoutMs: 10 });
  void trace.submit("gold-wide", 10, { lane: "gold", flow: "x", width: 2 });
  void trace.submit("tin-1", 10, { lane: "tin" });
  await clock.advance(100);
  assert.deepEqual(trace.events, [
    "0: gold-0 starts",
    "0: tin-0 starts",
    "10: gold-0 ends",
    "10: gold-late refused: LANEWAY_DEADLINE passed", // the head's time is up: settled, and the next one looked at,
    // … which wants two seats: the free one is parked for it, although tin-1 could use it
    "20: tin-0 ends",
    "20: gold-wide starts",
    "30: gold-wide ends",
    "30: tin-1 starts",
    "40: tin-1 ends",
  ]);
});
