import assert from "node:assert/strict";
import { test } from "node:test";
import { laneLook } from "../../../src/verify/plot/looks.ts";
import { drawPanel } from "../../../src/verify/plot/panel.ts";
import type { Panel, Place } from "../../../src/verify/plot/panel.ts";

const EMPTY: Panel = { label: "a plot", height: 200, xTicks: [], yTicks: [] };

function drawn(panel: Partial<Panel>): string {
  return drawPanel({ ...EMPTY, ...panel }).text;
}

function flat(y: number, count = 50): Place[] {
  return Array.from({ length: count }, (_none, index) => ({ x: index / (count - 1), y }));
}

test("a panel says what it shows, and its phases and ticks stand at their parts of the width", () => {
  const text = drawn({
    label: 'p99 of "critical"',
    xTicks: [{ at: 0.5, label: "30 s" }],
    yTicks: [{ at: 1, label: "10 s" }],
    stretches: [
      { from: 0, until: 0.25, label: "baseline" },
      { from: 0.25, until: 0.75, label: "flood" },
    ],
  });
  assert.match(text, /role="img" aria-label="p99 of &quot;critical&quot;"/);
  assert.match(text, /<text x="50%"[^>]*>30 s<\/text>/);
  assert.match(text, /<text x="48" y="24"[^>]*>10 s<\/text>/);
  assert.match(text, /<rect class="shade" x="25%" y="0" width="50%"/);
  assert.match(text, />flood<\/text>/);
});

test("a curve is broken where there is nothing, and a place that lies alone is marked", () => {
  const look = laneLook(1);
  const text = drawn({
    curves: [{ look, pieces: [flat(0.5, 3), [{ x: 0.6, y: 0.25 }], flat(0.1, 2)] }],
  });
  assert.equal([...text.matchAll(/<polyline /g)].length, 2);
  assert.match(text, /<use href="#shape-1" x="60%" y="137"/);
  assert.match(text, /stroke-dasharray="7 3"/);
});

test("where nothing came a curve is crossed above the plot, in a row of its own", () => {
  const curves = [0, 1].map((rank) => ({ look: laneLook(rank), pieces: [], lost: [0.25, 0.5] }));
  const crosses = [...drawn({ curves }).matchAll(/<use href="#lost" x="(\S+)" y="(\S+)"/g)];
  assert.deepEqual(
    crosses.map(([, x, y]) => [x, y]),
    [
      ["25%", "20"],
      ["50%", "20"],
      ["25%", "30"],
      ["50%", "30"],
    ],
  );
  // The plot begins below both rows.
  assert.match(drawn({ curves, yTicks: [{ at: 1, label: "10 s" }] }), /y1="40" y2="40"/);
});

test("the marks of curves that lie on each other stand side by side", () => {
  const marks = [0, 1, 2].map((rank) => {
    const curves = [0, 1, 2].map((one) => ({ look: laneLook(one), pieces: [flat(0.5)] }));
    return [...drawn({ curves }).matchAll(new RegExp(`#shape-${rank}" x="([\\d.]+)%`, "g"))].map(
      ([, x]) => x,
    );
  });
  const all = marks.flat();
  assert.ok(all.length >= 18, all.join(" "));
  assert.equal(new Set(all).size, all.length);
});

test("the name of a level gives way to the curves and to other names", () => {
  const look = laneLook(0);
  const level = { at: 0.5, label: "p99 < 300 ms", look };
  const place = (panel: Partial<Panel>): RegExpExecArray =>
    /<text x="(\S+)" dx="\S+" y="(\S+)" text-anchor="\w+">p99 &lt; 300 ms/.exec(drawn(panel))!;
  assert.deepEqual(place({ levels: [level] }).slice(1), ["0%", "94"]);
  const above = { look, pieces: [flat(0.53)] };
  assert.deepEqual(place({ levels: [level], curves: [above] }).slice(1), ["0%", "111"]);
  const atTheLeft = {
    look,
    pieces: [
      [
        { x: 0.1, y: 0 },
        { x: 0.11, y: 1 },
      ],
    ],
  };
  assert.deepEqual(place({ levels: [level], curves: [atTheLeft] }).slice(1), ["100%", "94"]);
  const other = { ...level, label: "another one" };
  assert.deepEqual(place({ levels: [other, level], curves: [above] }).slice(1), ["100%", "111"]);
});

test("a level may hold for a part of the width only", () => {
  const level = { at: 0.5, label: "p99 < 300 ms", look: laneLook(0), from: 0.25, until: 0.75 };
  assert.match(drawn({ levels: [level] }), /<line x1="25%" x2="75%" [^>]*><text x="25%"/);
});

test("a stretch under the pointer tells its numbers", () => {
  const text = drawn({ tips: [{ from: 0, until: 0.5, label: "0 s\n<b> 12 ms" }] });
  assert.match(text, /<rect class="tip" x="0%"[^>]*width="50%"[^>]*><title>0 s\n&lt;b&gt; 12 ms<\/title>/);
});
