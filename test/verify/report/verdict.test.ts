import assert from "node:assert/strict";
import { test } from "node:test";
import { argument, doubtOf, reportVerdict } from "../../../src/verify/report/verdict.ts";
import { compared, planted, unserved, withLane, withRun } from "./planted.ts";

const MISSED = [
  { objective: "p99 < 20ms", measured: "31 ms", value: 31, held: false },
  { objective: "success > 99%", measured: "100 %", value: 1, held: true },
];

test("a run is held when every objective was, missed when one was not: the most important one is named", () => {
  assert.deepEqual(reportVerdict(planted()), {
    level: "held",
    word: "Held",
    text: "All 4 objectives were met.",
  });
  const missed = { ...withLane(planted(), 0, { objectives: MISSED }), pass: false };
  assert.deepEqual(reportVerdict(missed), {
    level: "missed",
    word: "Missed",
    text: "critical promises p99 < 20ms; found: 31 ms. 1 of 4 objectives missed.",
  });
});

test("an invalid run is neither, whatever its objectives say", () => {
  const report = withRun(planted(), { invalid: ["the generator was 12 ms late"], pass: false });
  assert.equal(reportVerdict({ ...report, pass: false }).level, "invalid");
});

test("a run that nothing was asked of is not judged, and one that did not pass is never held", () => {
  const bare = withRun(planted(), {
    lanes: planted().runs[0].lanes.map((lane) => ({ ...lane, objectives: [] })),
  });
  assert.equal(reportVerdict(bare).level, "open");
  assert.equal(reportVerdict({ ...bare, pass: false }).level, "missed");
  assert.equal(reportVerdict({ ...planted(), pass: false }).level, "missed");
});

test("with two runs the argument is the most important lane in both", () => {
  assert.match(
    argument(compared()),
    /^Under the same load the p99 of critical was \d+ ms with lanes on and [\d.]+ s with lanes off; 100 % and [\d.]+ % of its calls were served\.$/,
  );
});

test("with one run it is its phases, or the whole run where they were not measured", () => {
  assert.match(
    argument(planted()),
    /^The p99 of critical was \d+ ms in baseline, \d+ ms in flood, \d+ ms in recovery; 100 % of [\d,]+ calls were served\.$/,
  );
  assert.match(
    argument(withLane(planted(), 0, { phases: [] })),
    /^The p99 of critical was \d+ ms; 100 % of /,
  );
});

test("a lane of which nothing was served has no p99, and one that nobody called argues for nothing", () => {
  const [lane] = planted().runs[0].lanes;
  assert.match(
    argument(withLane(planted(), 0, unserved(lane!))),
    /^Of 2,394 calls of critical none was served\.$/,
  );
  const uncalled = withLane(planted(), 0, { ...unserved(lane!), offered: 0, unanswered: 0 });
  assert.match(argument(uncalled), /^The p99 of high was/);
  assert.equal(argument(withRun(planted(), { lanes: [] })), "No lane was called.");
});

test("where one of two runs served nothing of the lane, that is said instead of its p99", () => {
  const [on, off] = compared().runs;
  const lanes = off!.lanes.map(unserved);
  const text = argument({ ...compared(), runs: [on, { ...off!, lanes }] });
  assert.match(text, /and none \(nothing served\) with lanes off; 100 % and 0 % of its calls were served\.$/);
});

test("a run shown beside the judged one that is not valid is called so", () => {
  assert.equal(doubtOf(compared().runs[1]), undefined);
  const [on, off] = compared().runs;
  const report = { ...compared(), runs: [on, { ...off!, invalid: ["3 calls unsent"] }] as const };
  assert.equal(doubtOf(report.runs[1]), "The run with lanes off is not valid: 3 calls unsent.");
});
