import assert from "node:assert/strict";
import { test } from "node:test";
import { Resource } from "../../src/index.ts";
import { Recorder, TestClock } from "../../src/testing/index.ts";

function recorded(): { clock: TestClock; resource: Resource; trace: Recorder } {
  const clock = new TestClock();
  const resource = new Resource({
    name: "ai",
    limit: 1,
    clock,
    lanes: [{ name: "high" }, { name: "low", queue: { max: 1 } }],
  });
  return { clock, resource, trace: new Recorder(resource, clock) };
}

test("starts, ends and refusals are written down with their instants", async () => {
  const { clock, trace } = recorded();
  void trace.submit("export", 100, { lane: "low" });
  void trace.submit("report", 10, { lane: "low" });
  void trace.submit("sync", 10, { lane: "low" });
  void trace.submit("payment", 10, { lane: "high" });
  await clock.advance(50);
  trace.note("halfway");
  await clock.advance(100);
  assert.deepEqual(trace.events, [
    "0: export starts",
    "0: sync refused: LANEWAY_REJECTED lane-full",
    "50: halfway",
    "100: export ends",
    "100: payment starts",
    "110: payment ends",
    "110: report starts",
    "120: report ends",
  ]);
  assert.deepEqual(trace.started, ["export", "payment", "report"]);
});

test("a submitted task never rejects: a caller that gives up, and other errors, are lines too", async () => {
  const { trace } = recorded();
  await trace.submit("left", 10, { signal: AbortSignal.abort() });
  await new Recorder({ run: () => Promise.reject(new RangeError("of its own")) }, new TestClock()).submit(
    "x",
    1,
  );
  assert.deepEqual(trace.events, ["0: left fails: AbortError"]);
});

test("a name of several words stays whole in the order of starts", async () => {
  const { clock, trace } = recorded();
  void trace.submit("big export", 10);
  await clock.advance(10);
  assert.deepEqual(trace.started, ["big export"]);
});
