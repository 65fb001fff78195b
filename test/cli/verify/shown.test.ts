import assert from "node:assert/strict";
import { test } from "node:test";
import { painter } from "../../../src/cli/demo/paint.ts";
import { demandOf, tooMuch, workersFor } from "../../../src/cli/verify/bounds.ts";
import { liveLines, plainLine, Progress } from "../../../src/cli/verify/progress.ts";
import { verdictLines } from "../../../src/cli/verify/verdict.ts";
import type { LaneResult, RunReport, VerifyReport } from "../../../src/verify/report/result.ts";
import { readScenario } from "../../../src/verify/scenario/read.ts";
import { resolveScenario } from "../../../src/verify/scenario/resolve.ts";
import type { Scenario } from "../../../src/verify/scenario/scenario.ts";

const PLAIN = painter(false);

function scenarioOf(text: string): Scenario {
  const around = { lanes: [], path: "/", header: "x", flowHeader: "y" };
  return resolveScenario("s", readScenario(text, "s.yaml", {}), around);
}

const TWO = scenarioOf(`
phases: [ { name: calm, for: 10s }, { name: storm, for: 20s } ]
lanes: [ { name: pay, rate: 10/s }, { name: export, rate: 0%, during: { storm: { from: 100%, to: 300% } } } ]
`);

test("what is asked in all is known before, and too much of it is refused", () => {
  assert.deepEqual(demandOf(TWO, 100), { mostPerSecond: 310, calls: 100 + 200 + 4_000 });
  assert.equal(tooMuch(TWO, 100), undefined);
  assert.match(
    tooMuch(TWO, 100_000)!,
    /^expected at most 200000 calls a second in all, found 300010: lower --rate/,
  );
  assert.match(
    tooMuch(scenarioOf("phases: [ { name: a, for: 11m } ]"), 1)!,
    /phases of at most 10m together, found 660 s/,
  );
  const long = scenarioOf("phases: [ { name: a, for: 9m } ]\nlanes: [ { name: a, rate: 30000/s } ]");
  assert.match(tooMuch(long, 1)!, /^expected at most 10000000 calls in all, found 16200000/);
  assert.match(tooMuch(scenarioOf("lanes: [ { name: a, rate: 0% } ]"), 1)!, /no lane asks for anything/);
  assert.equal(workersFor(100), 1);
});

const tick = (
  offered: number,
  latenciesMs: number[],
): Parameters<typeof liveLines>[2][number]["lanes"][number] => ({
  offered,
  served: offered - 4,
  refused: 3,
  failed: 1,
  inFlight: 7,
  latenciesMs,
});

test("while it runs each lane shows its last second, and a pipe gets a line now and then", () => {
  const none = { offered: 0, served: 0, refused: 0, failed: 0, inFlight: 0, latenciesMs: [] };
  const seen = [
    { atMs: 11_000, lanes: [tick(100, [3]), none] },
    { atMs: 12_000, lanes: [tick(160, [1, 2, 250]), none] },
  ];
  assert.deepEqual(liveLines("it", TWO, seen, PLAIN), [
    "it  ████████████░░░░░░░░░░░░░░░░░░  storm",
    "        asked/s  served/s  refused/s  failed/s  in flight     p99",
    "pay          60        60          0         0          7  250 ms",
    "export        0         0          0         0          0       –",
  ]);
  assert.equal(plainLine(TWO, seen), "  12 s  storm     pay 60/s 250 ms · export 0/s –");
  assert.match(liveLines("it", TWO, [], PLAIN)[0]!, /░{30} {2}calm$/);
  assert.match(plainLine(TWO, [{ atMs: 31_000, lanes: [none, none] }]), /last replies/);
});

test("a terminal sees the table drawn in place and gone at the end; a pipe one line each five seconds", (t) => {
  const term = process.env["TERM"];
  process.env["TERM"] = "xterm";
  t.after(() => (term === undefined ? delete process.env["TERM"] : (process.env["TERM"] = term)));
  const shown = (isTTY: boolean): string[] => {
    const written: string[] = [];
    const out = { isTTY, columns: 80, write: (text: string) => written.push(text) };
    const progress = new Progress(out as unknown as NodeJS.WriteStream, TWO);
    progress.begin("it");
    for (let atMs = 200; atMs <= 11_000; atMs += 200) progress.tick(atMs, [tick(atMs, [3]), tick(0, [])]);
    progress.end();
    return written;
  };
  const lines = shown(false);
  assert.deepEqual(
    lines.map((line) => line.slice(0, 16)),
    ["   5 s  calm    ", "  10 s  storm   "],
  );
  assert.match(lines[0]!, /pay 1000\/s 3 ms · export 0\/s –\n$/);
  const frames = shown(true);
  assert.equal(frames.length, 56);
  assert.match(frames[54]!, /storm/);
  // The table is removed line by line, and the cursor is back.
  assert.equal(frames[55], `${"\u001B[1A\u001B[2K".repeat(4)}\r\u001B[?25h`);
});

const SPREAD = { count: 95, p50: 12, p90: 20, p99: 1_234, max: 2_000, mean: 14 };

function laneOf(lane: string, held: boolean, more: Partial<LaneResult> = {}): LaneResult {
  return {
    lane,
    offered: 100_000,
    served: 99_999,
    refused: 1,
    failed: 0,
    unanswered: 0,
    unsent: 0,
    returns: 0,
    latencyMs: SPREAD,
    waitMs: { ...SPREAD, count: 0 },
    firstByteMs: SPREAD,
    distribution: [],
    seconds: [],
    share: { got: 0.5 },
    objectives: [
      { objective: "p99 < 1.2x baseline + 10ms during flood", measured: "1234 ms, at most 40 ms", held },
    ],
    errors: [],
    ...more,
  };
}

function runOf(name: string, lanes: LaneResult[], more: Partial<RunReport> = {}): RunReport {
  const generator = {
    workers: 1,
    sent: 100_001,
    sentPerSecond: 3_333.4,
    lagMs: { ...SPREAD, p50: 0.001, p99: 0.93 },
  };
  const held = lanes.every(({ objectives }) => objectives.every((each) => each.held));
  return { name, target: `http://${name}`, lanes, generator, invalid: [], pass: held, ...more };
}

function linesOf(...runs: [RunReport, ...RunReport[]]): string[] {
  const report: VerifyReport = {
    version: 1,
    scenario: "spike",
    about: "?",
    seed: 1,
    startedAt: "",
    durationMs: 1,
    phases: [],
    runs,
    pass: runs[0].pass,
    machine: { cores: 2, node: "v24", platform: "linux" },
  };
  return verdictLines(report, PLAIN);
}

test("the verdict fits 80 columns, says what was held and missed, and never rounds up to all", () => {
  const lines = linesOf(runOf("it", [laneOf("critical", true), laneOf("a-lane-with-a-long-name", false)]));
  for (const line of lines) assert.ok(line.length <= 80, line);
  const text = lines.join("\n");
  assert.match(text, /^critical +held +100000 +99\.9 % +1 +0 +12 ms +1\.2 s$/m);
  assert.match(text, /^a-lane-with-a-long-name +missed +100000 /m);
  assert.match(
    text,
    /^held {4}critical: p99 < 1\.2x baseline \+ 10ms during flood: 1234 ms, at most\n {8}40 ms$/m,
  );
  assert.match(text, /^missed {2}a-lane-with-a-long-name: p99 /m);
  assert.match(
    text,
    /^note {4}sent 100001 calls, 3333 a second, by one thread; late by 0 ms at the\n {8}median, 0\.93 ms at/m,
  );
  assert.match(text, /^MISSED: 1 of 2 objectives$/m);
  assert.match(linesOf(runOf("it", [laneOf("critical", true)])).join("\n"), /^HELD: all 1 objectives$/m);
});

test("a run from which nothing follows says so last, and why, and not that anything was held", () => {
  const invalid = ["the generator was late: calls were sent up to 45 ms after they were due"];
  const text = linesOf(runOf("it", [laneOf("critical", true)], { invalid, pass: false })).join("\n");
  assert.match(
    text,
    /^NOT VALID\ninvalid the generator was late: calls were sent up to 45 ms after they were due\n$/m,
  );
  assert.doesNotMatch(text, /HELD/);
});

test("what is only compared is shown beside, and not judged", () => {
  const lines = linesOf(
    runOf("lanes on", [laneOf("critical", true)]),
    runOf("lanes off", [laneOf("critical", false, { errors: ["status 500 (3 times)"] })], {
      remarks: ["mind this"],
    }),
  );
  const text = lines.join("\n");
  assert.match(
    text,
    /^lanes on: http:\/\/lanes on$[^]*^lanes off: http:\/\/lanes off$[^]*^HELD: all 1 objectives$/m,
  );
  assert.doesNotMatch(text, /^missed {2}/m);
  assert.match(text, /^note {4}mind this\nnote {4}critical failed: status 500 \(3 times\)$/m);
});
