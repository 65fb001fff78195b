import assert from "node:assert/strict";
import { test } from "node:test";
import { demoScenario } from "../../../src/cli/demo/scenario.ts";
import { judge } from "../../../src/cli/demo/verdict.ts";
import type { SideResult, Verdict } from "../../../src/cli/demo/verdict.ts";
import type { StreamResult } from "../../../src/verify/load/result.ts";
import { streamResult } from "./samples.ts";

const SCENARIO = demoScenario(30, 7);

function side(
  chatWaitMs: number,
  chat: Partial<StreamResult> = {},
  batch: Partial<StreamResult> = {},
): SideResult {
  return {
    streams: {
      chat: streamResult("chat", 100, chatWaitMs, chat),
      background: streamResult("background", 40, 20),
      batch: streamResult("batch", 600, 9_000, batch),
    },
    mostWaiting: 594,
    mostAtOnce: 8,
    chatWaits: [{ dueMs: 0, waitMs: chatWaitMs, atLeast: false }],
    refusedUpstream: 0,
    budgetUsed: 0.8,
  };
}

function verdict(on: SideResult): Verdict {
  return judge(SCENARIO, { off: side(14_000), on }, { chat: 1, batch: 80 });
}

test("chat that waited less than the objective and was all served has kept it", () => {
  const { kept, missed } = verdict(side(2));
  assert.deepEqual({ kept, missed }, { kept: true, missed: [] });
});

test("a p99 at the objective misses it, and the verdict says by how much", () => {
  const { kept, missed } = verdict(side(50));
  assert.equal(kept, false);
  assert.match(missed.join(), /waited 50\.0 ms at the 99th percentile, the objective is below 50 ms/);
});

test("fast waits do not make up for a message that was refused, failed or never answered", () => {
  for (const lost of [{ refused: 1 }, { failed: 1 }, { pending: 1 }]) {
    const spread = streamResult("chat", 99, 2).waitMs;
    const { kept, missed } = verdict(side(2, { ...lost, served: 99, waitMs: spread }));
    assert.equal(kept, false);
    assert.match(missed.join(), /1 of 100 chat messages were not served/);
  }
});

test("a message that the generator could not send counts as not served", () => {
  assert.equal(verdict(side(2, { skipped: 1 })).kept, false);
});

test("replies that do not tell their wait prove nothing", () => {
  const none = { count: 0, p50: 0, p90: 0, p99: 0, max: 0, mean: 0 };
  const { kept, missed } = verdict(side(2, { waitMs: none }));
  assert.equal(kept, false);
  assert.match(missed.join(), /100 chat replies did not say how long they waited/);
});

test("no chat at all proves nothing", () => {
  assert.equal(verdict(side(0, streamResult("chat", 0, 0))).kept, false);
});

test("one try that the upstream refused with lanes on is one too many, however fast chat was", () => {
  const { kept, missed } = verdict({ ...side(2), refusedUpstream: 1 });
  assert.equal(kept, false);
  assert.match(missed.join(), /429 from the upstream, 1 times/);
});

test("with lanes off chat's wait counts those who were never answered", () => {
  const waits = Array.from({ length: 100 }, (_, at) => ({ dueMs: at, waitMs: 20_000, atLeast: at > 10 }));
  const off = judge(SCENARIO, { off: { ...side(3), chatWaits: waits }, on: side(2) }, { chat: 1, batch: 80 })
    .off.chat;
  assert.deepEqual(off.waitedMs, { p50: 20_000, p99: 20_000, atLeast: true });
});

test("lanes off may miss: only lanes on is judged", () => {
  assert.equal(verdict(side(2)).off.chat.waitMs.p99, 14_000);
});

test("the batch's time counts from its arrival, and only when all of it was served", () => {
  const whole = verdict(side(2)).on.batch;
  assert.equal(whole.doneInMs, 15_000);
  assert.equal(whole.perSecond, 40);
  const part = verdict(side(2, {}, { served: 300, refused: 300 })).on.batch;
  assert.equal(part.doneInMs, undefined);
  assert.equal(part.perSecond, 20);
});
