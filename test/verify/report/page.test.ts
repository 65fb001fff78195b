import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { rounded } from "../../../src/verify/plot/markup.ts";
import { logAxisTo } from "../../../src/verify/plot/plot.ts";
import { reportPage } from "../../../src/verify/report/page.ts";
import { compared, kinds, planted, withLane } from "./planted.ts";

for (const [kind, report] of Object.entries(kinds()))
  test(`the page of a run with ${kind} holds no number that is none, and nothing twice under one id`, () => {
    const page = reportPage(report);
    assert.doesNotMatch(page, /NaN|Infinity|undefined|null|\[object/);
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length);
    const used = new Set([...page.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id));
    assert.deepEqual(
      [...used].filter((id) => !ids.includes(id)),
      [],
    );
    for (const [, width] of page.matchAll(/ (?:width|height)="([^"]*)"/g))
      assert.ok(Number.parseFloat(width!) >= 0, `a side of ${width}`);
  });

test("the same report is the same page", () => {
  assert.equal(reportPage(planted()), reportPage(planted()));
});

test("the page loads nothing, runs nothing, and is styled by its own sheet alone", () => {
  const page = reportPage(compared());
  assert.doesNotMatch(page, /<script|<iframe|<object|<embed|@import|javascript:| on\w+=| style=/i);
  const addresses = [...page.matchAll(/(?:href|src|action|url)(?:="|\()([^")]*)/g)].map(([, at]) => at!);
  assert.ok(addresses.length > 0);
  assert.deepEqual(
    addresses.filter((at) => !at.startsWith("#") && at !== "data:,"),
    [],
  );
  const style = /<style>([\s\S]*)<\/style>/.exec(page)![1]!;
  const hash = createHash("sha256").update(style).digest("base64");
  assert.ok(page.includes(`content="default-src 'none'; style-src 'sha256-${hash}'; img-src data:;`));
});

test("a long run is drawn in columns, so that its page stays small", () => {
  const [minute, hour] = ["one run", "an hour"].map((kind) => reportPage(kinds()[kind]!).length);
  assert.ok(hour! < 2 * minute!, `${minute} characters for a minute, ${hour} for an hour`);
  const both = reportPage(compared()).length;
  assert.ok(both < 600_000, `${both} characters`);
});

test("the page says when its columns are more than a second", () => {
  assert.match(reportPage(planted()), /each second, logarithmic/);
  assert.match(
    reportPage(planted({ lanes: ["a"], seconds: 600 })),
    /the worst second of each 5, logarithmic/,
  );
});

test("a curve goes through the seconds of report.json, and is crossed where none was served", () => {
  const report = planted();
  const [lane] = report.runs[0].lanes;
  const seconds = lane!.seconds.map((second, at) => {
    const { p99: _p99, p50: _p50, ...counts } = second;
    return at === 20 || at === 21 ? { ...counts, served: 0, refused: counts.offered } : second;
  });
  const page = reportPage(withLane(report, 0, { seconds }));
  const pieces = [...page.matchAll(/<polyline class="lane-0" stroke-dasharray="" points="([^"]*)"/g)].slice(
    0,
    2,
  );
  const drawn = pieces.flatMap(([, points]) =>
    points!.split(" ").map((point) => point.split(",").map(Number)),
  );
  const largest = Math.max(...report.runs[0].lanes.flatMap((one) => one.seconds.map(({ p99 }) => p99 ?? 0)));
  const axis = logAxisTo(largest);
  const expected = seconds.flatMap(({ fromMs, p99 }) =>
    p99 === undefined ? [] : [[rounded((fromMs + 500) / 60, 1), rounded((1 - axis.position(p99)) * 100, 2)]],
  );
  assert.equal(expected.length, 58);
  assert.deepEqual(drawn, expected);
  const crosses = [...page.matchAll(/<use href="#lost" x="([\d.]+)%"/g)].map(([, x]) => Number(x));
  assert.deepEqual(crosses, [rounded(2_050 / 60, 2), rounded(2_150 / 60, 2)]);
  assert.match(page, /a second in which none was served/);
  assert.doesNotMatch(reportPage(report), /a second in which none was served/);
});

test("what became of the calls of a second is stacked from the bottom, in the heights of report.json", () => {
  const second = { fromMs: 0, offered: 100, served: 50, refused: 20, failed: 10 };
  const report = planted({ lanes: ["http"], seconds: 1 });
  const page = reportPage(withLane(report, 0, { seconds: [second], distribution: [], phases: [] }));
  const parts = [
    ...page.matchAll(
      /<rect class="(served|refused|failed)[^"]*" x="0%" width="100%" y="([\d.]+)" height="([\d.]+)"/g,
    ),
  ];
  // 100 calls a second are the upper edge: 20 pixels from the top, 106 from the bottom.
  assert.deepEqual(
    parts.map(([, part, y, height]) => [part, Number(y), Number(height)]),
    [
      ["served", 73, 53],
      ["refused", 51.8, 21.2],
      ["failed", 41.2, 10.6],
    ],
  );
  assert.match(page, /<line class="offered-line" x1="0%" x2="100%" y1="20" y2="20"/);
});
