import assert from "node:assert/strict";
import { test } from "node:test";
import { logAxis, showMs, timeTicks } from "../../../src/verify/plot/plot.ts";
import type { TimePlot } from "../../../src/verify/plot/plot.ts";
import { svgPlot } from "../../../src/verify/plot/svg.ts";
import { terminalPlot } from "../../../src/verify/plot/terminal.ts";

/** One curve that is flat at a millisecond, one that jumps to 15 s in the middle. */
function example(): TimePlot {
  const instants = Array.from({ length: 60 }, (_, index) => index * 500);
  return {
    title: "Waits & <more>",
    xLabel: "when it was sent",
    yLabel: "chat wait",
    xMaxMs: 30_000,
    curves: [
      { label: "lanes off", points: instants.map((xMs) => ({ xMs, yMs: xMs < 15_000 ? 0 : 15_000 })) },
      { label: "lanes on", points: instants.map((xMs) => ({ xMs, yMs: 0.2 })) },
    ],
    level: { yMs: 50, label: "objective 50 ms" },
    event: { xMs: 3_000, label: "the batch arrives" },
  };
}

test("durations are written as people write them", () => {
  const shown = [0, 0.4, 1, 12.4, 999, 999.6, 1_400, 9_949, 15_000].map(showMs);
  assert.deepEqual(shown, ["<1 ms", "<1 ms", "1 ms", "12 ms", "999 ms", "1 s", "1.4 s", "9.9 s", "15 s"]);
});

test("the axis spans a millisecond to just above the largest value, and is logarithmic", () => {
  const axis = logAxis(example());
  assert.deepEqual(axis.ticks, [1, 10, 100, 1_000, 10_000]);
  assert.equal(axis.max, 30_000);
  const step = axis.position(100) - axis.position(10);
  assert.ok(Math.abs(axis.position(10_000) - axis.position(1_000) - step) < 1e-12);
  assert.deepEqual([axis.position(0), axis.position(1e9)], [0, 1]);
});

test("time ticks are round and reach the end", () => {
  assert.deepEqual(timeTicks(30_000, 6), [0, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000]);
  assert.deepEqual(timeTicks(6_000, 6), [0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000]);
});

test("a plot in the terminal fits its columns and shows both curves, their names, the axes and the objective", () => {
  const lines = terminalPlot(example(), { columns: 79, rows: 13 });
  assert.ok(
    lines.every((line) => [...line].length <= 79),
    lines.join("\n"),
  );
  assert.equal(lines.length, 1 + 13 + 3);
  const text = lines.join("\n");
  for (const word of [
    "lanes off",
    "lanes on",
    "chat wait",
    "when it was sent",
    "objective 50 ms",
    "the batch arrives",
    "10 s ┤",
    "<1 ms ┤",
    "30 s",
  ])
    assert.ok(text.includes(word), `${word} is missing in\n${text}`);
});

test("curves are told apart by shape, without colour: a line of braille dots and round marks", () => {
  const lines = terminalPlot(example(), { columns: 79, rows: 13 });
  const top = lines.slice(1, 8).join("");
  assert.match(top, /[\u2801-\u28FF]{20}/);
  assert.doesNotMatch(top, /●/);
  const bottom = lines[13]!;
  assert.match(bottom, /^ {2}<1 ms ┤.*●●●/);
});

test("painting changes no width: each curve is painted with its own number", () => {
  const painted = terminalPlot(example(), {
    columns: 79,
    rows: 9,
    paint: (text, curve) => `[${curve ?? "axis"}:${text}]`,
  });
  const plain = painted.map((line) => line.replace(/\[(?:axis|\d):([^\]]*)\]/g, "$1"));
  assert.deepEqual(plain, terminalPlot(example(), { columns: 79, rows: 9 }));
  assert.ok(painted.some((line) => line.includes("[0:")) && painted.some((line) => line.includes("[1:●")));
});

test("a plot of nothing yet is axes and names", () => {
  const empty = { ...example(), curves: example().curves.map((curve) => ({ ...curve, points: [] })) };
  const text = terminalPlot(empty, { columns: 79, rows: 9 }).join("\n");
  assert.match(text, /100 ms ┤/);
});

test("the SVG is well-formed, stands alone and says what it shows", () => {
  const svg = svgPlot(example());
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox=/);
  const open = [...svg.matchAll(/<[a-z]+(?:\s[^>]*[^/])?>/g)].length;
  const closed = [...svg.matchAll(/<\/[a-z]+>/g)].length;
  assert.equal(open, closed);
  for (const word of [
    "lanes off",
    "lanes on",
    "chat wait",
    "when it was sent",
    "objective 50 ms",
    "10 s",
    "Waits &amp; &lt;more&gt;",
  ])
    assert.ok(svg.includes(word), `${word} is missing`);
  assert.doesNotMatch(svg, /<script|href=|url\(|@import|NaN|Infinity|undefined/);
});

test("the SVG has a dark form, and draws the curves in different shapes", () => {
  const svg = svgPlot(example());
  assert.match(svg, /@media \(prefers-color-scheme: dark\)/);
  assert.equal([...svg.matchAll(/<polyline /g)].length, 1);
  assert.ok([...svg.matchAll(/<circle /g)].length >= 60);
});
