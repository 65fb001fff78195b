import assert from "node:assert/strict";
import { test } from "node:test";
import { svgPlot } from "../../../src/verify/plot/svg.ts";

function rowOf(yMs: number): number {
  const svg = svgPlot({
    title: "Waits",
    xLabel: "time",
    yLabel: "wait",
    xMaxMs: 10_000,
    curves: [{ label: "chat", points: Array.from({ length: 50 }, (_, n) => ({ xMs: n * 200, yMs })) }],
    event: { xMs: 2_000, label: "600 calls arrive" },
  });
  return Number(/y="([\d.]+)">600 calls arrive/.exec(svg)![1]);
}

test("the label of an event gives way to a curve that runs along the top", () => {
  const low = rowOf(1);
  const top = rowOf(20_000);
  assert.ok(top > low, `found ${top} after ${low}`);
});
