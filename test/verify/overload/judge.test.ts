import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "../../../src/verify/overload/judge.ts";
import { laneResult, whyInvalid } from "../../../src/verify/overload/outcome.ts";
import { LaneTally } from "../../../src/verify/overload/tally.ts";
import { TimeCounts } from "../../../src/verify/load/time-counts.ts";
import { readScenario } from "../../../src/verify/scenario/read.ts";
import { resolveScenario } from "../../../src/verify/scenario/resolve.ts";
import { parseObjective } from "../../../src/verify/scenario/objective.ts";
import type { ObjectiveResult } from "../../../src/verify/report/result.ts";

const PHASES = [
  { name: "calm", fromMs: 0, untilMs: 2_000 },
  { name: "storm", fromMs: 2_000, untilMs: 4_000 },
];

/** A hundred calls in each phase: 20 ms when it is calm; 30 ms in the storm, where one fails and one is refused. */
function measured({ wait }: { wait?: number } = {}): LaneTally {
  const tally = new LaneTally([2_000, 4_000]);
  for (let n = 0; n < 200; n++) {
    const due = n * 20;
    tally.offer(due);
    if (n === 150) tally.failed(due, "status 500");
    else if (n === 151) tally.refused(due);
    else tally.served(due, due + (n < 100 ? 20 : 30), wait);
  }
  return tally;
}

function judged(text: string, tally = measured()): ObjectiveResult {
  return judge(parseObjective(text)!, tally, PHASES);
}

test("each kind of objective is held against what was measured, in its phase", () => {
  const rows: [text: string, measured: string, held: boolean][] = [
    ["p99 < 31ms", "30 ms", true],
    ["p99 < 30ms", "30 ms", false],
    ["p50 < 21ms", "20 ms", true],
    ["p99 < 25ms during calm", "20 ms", true],
    ["p99 < 25ms during storm", "30 ms", false],
    ["success > 98%", "99 %", true],
    ["success > 99%", "99 %", false],
    ["success >= 99%", "99 %", true],
    ["success > 98% during storm", "98 %", false],
    ["success >= 100% during calm", "100 %", true],
    ["progress > 49", "49/s", true],
    ["progress > 0", "49/s", true],
    ["progress > 48 during storm", "49/s", true],
    ["p99 < 1.4x calm + 1ms during storm", "30 ms, at most 29 ms", false],
    ["p99 < 1.4x calm + 3ms during storm", "30 ms, at most 31 ms", true],
  ];
  for (const [text, shown, held] of rows) {
    const result = judged(text);
    assert.deepEqual([result.measured, result.held, result.objective], [shown, held, text], text);
    assert.equal(typeof result.value, "number");
  }
});

test("what was not measured is not held", () => {
  const empty = new LaneTally([2_000, 4_000]);
  assert.deepEqual(judged("wait < 50ms"), {
    objective: "wait < 50ms",
    measured: "the service tells no waits",
    held: false,
  });
  assert.equal(judged("wait < 50ms", measured({ wait: 3 })).held, true);
  for (const [text, measuredAs] of [
    ["p99 < 1s", "nothing was served"],
    ["success > 0%", "nothing was asked"],
    ["progress > 0", "nothing was asked"],
  ] as const)
    assert.deepEqual(judged(text, empty), { objective: text, measured: measuredAs, held: false });
  const stormOnly = new LaneTally([2_000, 4_000]);
  stormOnly.offer(3_000);
  stormOnly.served(3_000, 3_001, undefined);
  assert.equal(judged("p99 < 2x calm during storm", stormOnly).measured, "nothing to compare with");
});

test("what is nearly all is not said to be all", () => {
  const tally = new LaneTally([2_000, 4_000]);
  for (let n = 0; n < 1_000_000; n++) tally.offer(0);
  tally.phases[0]!.served = 999_999;
  assert.equal(judged("success > 99.9%", tally).measured, "99.999 %");
});

test("the result of a lane adds up, and has its seconds, phases and errors", () => {
  const scenario = resolveScenario(
    "s",
    readScenario(
      "phases: [ { name: calm, for: 2s }, { name: storm, for: 2s } ]\nlanes: [ { name: pay } ]",
      "s",
      {},
    ),
    { lanes: [], path: "/", header: "x", flowHeader: "y" },
  );
  const tally = measured({ wait: 2 });
  tally.offer(3_999);
  tally.skip(3_999);
  tally.offer(3_999);
  const result = laneResult(scenario, scenario.lanes[0]!, tally, { got: 0.5, due: 0.4 });
  assert.deepEqual(
    [result.offered, result.served, result.refused, result.failed, result.unsent, result.unanswered],
    [202, 198, 1, 1, 1, 1],
  );
  assert.deepEqual(
    result.phases!.map(({ phase, offered, served, latencyMs }) => [phase, offered, served, latencyMs.count]),
    [
      ["calm", 100, 100, 100],
      ["storm", 102, 98, 98],
    ],
  );
  assert.deepEqual(
    result.seconds.map(({ fromMs, offered, served }) => [fromMs, offered, served]),
    [
      [0, 50, 50],
      [1_000, 50, 50],
      [2_000, 50, 50],
      [3_000, 52, 48],
    ],
  );
  assert.deepEqual([result.waitMs.count, result.latencyMs.count, result.errors], [198, 198, ["status 500"]]);
  assert.deepEqual(result.distribution.at(-1), { share: 1, ms: result.latencyMs.max });
  assert.deepEqual(result.share, { got: 0.5, due: 0.4 });
});

function whyNot(
  change: (all: { lanes: LaneTally[]; lag: TimeCounts; stalls: TimeCounts }) => void,
): string[] {
  const all = { lanes: [measured()], lag: new TimeCounts(), stalls: new TimeCounts() };
  for (let n = 0; n < 100; n++) {
    all.lag.record(4.9);
    all.stalls.record(4.9);
  }
  change(all);
  return whyInvalid({ ...all, sent: 200, lastedMs: 4_000 }, 10);
}

test("a run is invalid when the generator was late, stalled, or did not send, and when the service went away", () => {
  assert.deepEqual(
    whyNot(() => undefined),
    [],
  );
  const late = (times: TimeCounts): void => [1, 2].forEach(() => times.record(6));
  assert.match(
    whyNot(({ lag }) => late(lag))[0]!,
    /^the generator was late: calls were sent up to 6 ms .*--workers/,
  );
  assert.match(whyNot(({ stalls }) => late(stalls))[0]!, /^the generator stalled/);
  const unsent = ({ lanes }: { lanes: LaneTally[] }): void => {
    lanes[0]!.offer(0);
    lanes[0]!.skip(0);
  };
  assert.match(whyNot(unsent)[0]!, /^1 calls were not sent: more than 10 were in flight/);
  const files = whyNot((all) => {
    unsent(all);
    all.lanes[0]!.errors.set("connect EMFILE 127.0.0.1", 1);
  });
  assert.equal(files[0], "1 calls were not sent: connect EMFILE 127.0.0.1");
  const gone = new LaneTally([2_000, 4_000]);
  for (let due = 0; due < 4_000; due += 100) {
    gone.offer(due);
    if (due < 1_500) gone.served(due, due + 1, undefined);
    else gone.failed(due, "connect ECONNREFUSED");
    if (due >= 1_500) gone.unreached++;
  }
  assert.deepEqual(
    whyNot(({ lanes }) => lanes.splice(0, 1, gone)),
    ["the service was gone from 2 s on: connect ECONNREFUSED"],
  );
});

test("a service that fails all requests, but is there, makes no run invalid", () => {
  const failing = new LaneTally([2_000, 4_000]);
  for (let due = 0; due < 4_000; due += 100) {
    failing.offer(due);
    failing.failed(due, "status 500");
  }
  assert.deepEqual(
    whyNot(({ lanes }) => lanes.splice(0, 1, failing)),
    [],
  );
});
