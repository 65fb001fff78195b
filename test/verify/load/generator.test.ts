import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../../src/core/clock.ts";
import { TestClock } from "../../../src/testing/clock.ts";
import { dueInstants } from "../../../src/verify/load/arrival.ts";
import { startRun } from "../../../src/verify/load/generator.ts";
import type { Stream } from "../../../src/verify/load/generator.ts";

const STEADY = dueInstants({ kind: "steady", perSecond: 400, fromMs: 0, untilMs: 5_000 }, 1);

/** A server in simulated time that answers after a millisecond, but nothing between the 2nd and the 3rd second. */
function stallingStream(clock: TestClock, sentAt: number[]): Stream {
  return {
    name: "calls",
    due: STEADY,
    send: (_index, settle) => {
      sentAt.push(clock.now());
      const stalled = clock.now() >= 2_000 && clock.now() < 3_000;
      clock.after(stalled ? 3_000 - clock.now() : 1, () => settle({ status: 200 }));
    },
  };
}

/** A clock whose timers fire late, as on a machine that is busy. */
function late(clock: Clock, lateMs: number): Clock {
  return { now: () => clock.now(), after: (ms, fn) => clock.after(ms + lateMs, fn) };
}

test("a stalled server does not slow the load down: every call is sent when it is due", async () => {
  const clock = new TestClock();
  const sentAt: number[] = [];
  const run = startRun({ streams: [stallingStream(clock, sentAt)], clock });
  await clock.advance(10_000);
  const { streams, complete } = await run.done;
  assert.deepEqual(sentAt, [...STEADY]);
  assert.equal(complete, true);
  assert.equal(streams[0]?.served, 2_000);
});

test("a second of stall in five shows in the tail, for latency counts from the instant a call was due", async () => {
  const clock = new TestClock();
  const run = startRun({ streams: [stallingStream(clock, [])], clock });
  await clock.advance(10_000);
  const { latencyMs } = (await run.done).streams[0]!;
  // A fifth of the calls came during the stall and waited from 0 to 1000 ms, evenly.
  assert.ok(Math.abs(latencyMs.p50 - 1) < 0.1, `p50 ${latencyMs.p50}`);
  assert.ok(Math.abs(latencyMs.p90 - 500) < 10, `p90 ${latencyMs.p90}`);
  assert.ok(Math.abs(latencyMs.p99 - 950) < 10, `p99 ${latencyMs.p99}`);
});

test("the generator's own lateness counts in the latency and is told", async () => {
  const clock = new TestClock();
  const due = dueInstants({ kind: "steady", perSecond: 10, fromMs: 100, untilMs: 2_000 }, 1);
  const stream: Stream = { name: "calls", due, send: (_index, settle) => settle({ status: 200 }) };
  const run = startRun({ streams: [stream], clock: late(clock, 7) });
  await clock.advance(5_000);
  const { lagMs, streams } = await run.done;
  assert.ok(Math.abs(lagMs.p99 - 7) < 0.1, `lag ${lagMs.p99}`);
  assert.ok(Math.abs(streams[0]!.latencyMs.p50 - 7) < 0.1, `latency ${streams[0]!.latencyMs.p50}`);
});

test("past the guard calls are skipped, counted, and the run is told to be incomplete", async () => {
  const clock = new TestClock();
  const stream: Stream = { name: "calls", due: STEADY, send: () => undefined };
  const run = startRun({ streams: [stream], clock, inFlightMax: 10, graceMs: 1_000 });
  await clock.advance(10_000);
  const { streams, complete } = await run.done;
  assert.equal(complete, false);
  assert.deepEqual(
    { sent: streams[0]?.sent, skipped: streams[0]?.skipped, pending: streams[0]?.pending },
    { sent: 10, skipped: 1_990, pending: 10 },
  );
});

test("streams are interleaved by their instants, and each sends its own calls in order", async () => {
  const clock = new TestClock();
  const order: string[] = [];
  const stream = (name: string, due: number[]): Stream => ({
    name,
    due: Float64Array.from(due),
    send: (index, settle) => {
      order.push(`${name}${index} at ${clock.now()}`);
      settle({ status: 200 });
    },
  });
  const run = startRun({ streams: [stream("a", [0, 20, 20]), stream("b", [10, 20, 30])], clock });
  await clock.advance(100);
  await run.done;
  assert.deepEqual(order, ["a0 at 0", "b0 at 10", "a1 at 20", "a2 at 20", "b1 at 20", "b2 at 30"]);
});

test("refusals, failures and replies are told apart, and a call settles once", async () => {
  const clock = new TestClock();
  const statuses = [200, 429, 503, 529, 504, 500, 404, 0];
  const stream: Stream = {
    name: "calls",
    due: Float64Array.from(statuses.keys()),
    send: (index, settle) => {
      const outcome = { status: statuses[index]!, waitMs: 3, lane: "normal" };
      settle(statuses[index] === 0 ? { status: 0, error: "connection reset" } : outcome);
      settle(outcome);
    },
  };
  const run = startRun({ streams: [stream], clock });
  await clock.advance(100);
  const { served, refused, failed, pending, errors, lanes, waitMs } = (await run.done).streams[0]!;
  assert.deepEqual({ served, refused, failed, pending }, { served: 1, refused: 4, failed: 3, pending: 0 });
  assert.deepEqual(lanes, { normal: 1 });
  assert.equal(waitMs.count, 1);
  assert.ok(errors.includes("status 500"), errors.join());
});

test("a run without calls ends at once", async () => {
  const run = startRun({
    streams: [{ name: "none", due: new Float64Array(0), send: () => undefined }],
    clock: new TestClock(),
  });
  assert.equal((await run.done).streams[0]?.sent, 0);
});

test("a stopped run sends nothing more and tells what it has", async () => {
  const clock = new TestClock();
  const sentAt: number[] = [];
  const run = startRun({ streams: [stallingStream(clock, sentAt)], clock });
  await clock.advance(1_000);
  run.stop();
  await clock.advance(1_000);
  assert.equal((await run.done).streams[0]?.sent, sentAt.length);
  assert.ok(sentAt.every((at) => at <= 1_000));
});
