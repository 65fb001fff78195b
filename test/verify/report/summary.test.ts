import assert from "node:assert/strict";
import { test } from "node:test";
import { showMs } from "../../../src/verify/plot/plot.ts";
import { reportSummary } from "../../../src/verify/report/summary.ts";
import { grouped } from "../../../src/verify/report/words.ts";
import { compared, planted, unserved, withLane, withRun } from "./planted.ts";

/** The cells of the first row that begins with this. */
function cells(text: string, head: string): string[] {
  const row = text.split("\n").find((line) => line.startsWith(`| ${head} |`));
  return (row ?? "").split(/(?<!\\)\|/).map((cell) => cell.trim());
}

test("the verdict comes first, then a row for each lane with its numbers", () => {
  const report = planted();
  const text = reportSummary(report);
  assert.match(
    text,
    /^### laneway verify: held\n\n\*\*Held\.\*\* All 4 objectives were met\. The p99 of critical was/,
  );
  for (const lane of report.runs[0].lanes) {
    const [, name, offered, served, refused, , p50, p99, wait] = cells(text, lane.lane);
    assert.equal(name, lane.lane);
    assert.equal(offered, grouped(lane.offered));
    assert.match(served!, new RegExp(`^${grouped(lane.served)} \\([\\d.]+ %\\)$`));
    assert.equal(refused, lane.refused === 0 ? "–" : grouped(lane.refused));
    assert.deepEqual([p50, p99, wait], [lane.latencyMs.p50, lane.latencyMs.p99, lane.waitMs.p99].map(showMs));
  }
  assert.match(text, /spike against http:\/\/127\.0\.0\.1:3000, 60 s, seed 7\. [\d,]+ calls sent/);
});

test("every row of a table has the columns of its head", () => {
  for (const text of [planted(), compared(), withLane(planted(), 1, { unsent: 3 })].map(reportSummary)) {
    const tables = text.split("\n\n").filter((block) => block.startsWith("|"));
    assert.ok(tables.length > 0);
    for (const table of tables) {
      const widths = table
        .trim()
        .split("\n")
        .map((row) => row.split(/(?<!\\)\|/).length);
      assert.equal(new Set(widths).size, 1, table);
    }
  }
});

test("an objective that was missed is told with what was found", () => {
  const objectives = [{ objective: "p99 < 20ms", measured: "31 ms", value: 31, held: false }];
  const text = reportSummary({ ...withLane(planted(), 0, { objectives }), pass: false });
  assert.match(text, /^### laneway verify: missed/);
  assert.deepEqual(cells(text, "critical").slice(-3), ["p99 &#60; 20ms: 31 ms", "**missed**", ""]);
});

test("a run that is not valid says so and why, and argues for nothing", () => {
  const run = withRun(planted(), { invalid: ["the generator was 12 ms late (p99)", "3 calls unsent"] });
  const text = reportSummary({ ...run, pass: false });
  assert.match(
    text,
    /^### laneway verify: not valid\n\n\*\*Not valid\.\*\* Nothing can be concluded from this run\.\n\n- the generator was 12 ms late \(p99\)\n- 3 calls unsent\n\n\| lane /,
  );
  assert.doesNotMatch(text, /The p99 of|held|missed/);
  assert.equal(cells(text, "critical").at(-2), "");
});

test("two runs stand side by side, and the other one's doubts are told", () => {
  const report = compared();
  const text = reportSummary(report);
  const [on, off] = report.runs.map(({ lanes }) => lanes[0]!.latencyMs.p99);
  const beside = text.slice(text.indexOf("| lane | p99, lanes on"));
  assert.deepEqual(
    cells(beside, "critical").slice(2, 4),
    [on, off].map((ms) => showMs(ms!)),
  );
  const runs = [report.runs[0], { ...report.runs[1]!, invalid: ["3 calls unsent"] }] as const;
  assert.match(
    reportSummary({ ...report, runs }),
    /\nThe run with lanes off is not valid: 3 calls unsent\.\n/,
  );
});

test("calls that nobody answered have a column when there are any", () => {
  assert.doesNotMatch(reportSummary(planted()), /no answer/);
  const [lane] = planted().runs[0].lanes;
  const text = reportSummary(withLane(planted(), 0, unserved(lane!)));
  assert.match(text, /\| failed \| no answer \|/);
  assert.equal(cells(text, "critical")[6], grouped(lane!.offered));
  assert.doesNotMatch(text, /NaN|Infinity|undefined/);
});

test("a name is text: it makes no tag, no column, no link, no mention and no reference", () => {
  const report = withLane(planted(), 0, { lane: "<b>|[x](y) @team #12 `a` *b* _c_\n| d" });
  const text = reportSummary(report);
  assert.ok(
    text.includes("| &#60;b&#62;\\|\\[x\\](y) &#64;team &#35;12 \\`a\\` \\*b\\* \\_c\\_ \\| d | "),
    text,
  );
});
