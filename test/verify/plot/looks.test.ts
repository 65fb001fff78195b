import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DASHES, LANE_COLOURS, laneLook, SHAPES } from "../../../src/verify/plot/looks.ts";

const DASHBOARD = new URL("../../../src/dashboard/", import.meta.url);

test("a lane looks as it does on the live page: colours, shapes and dashes", () => {
  const css = readFileSync(new URL("style.css", DASHBOARD), "utf8");
  const colours = [...css.matchAll(/\.lane-\d \{\s*color: light-dark\((#\w+), (#\w+)\)/g)];
  assert.deepEqual(
    colours.map(([, light, dark]) => [light, dark]),
    LANE_COLOURS,
  );
  const looks = readFileSync(new URL("looks.tsx", DASHBOARD), "utf8");
  const shapes = /const SHAPES = (\[[\s\S]*?\]) as const/.exec(looks)![1]!;
  assert.deepEqual(JSON.parse(shapes.replace(/,\s*\]/, "]")), SHAPES);
  const dashes = /const DASHES = (\[.*\]) as const/.exec(looks)![1]!;
  assert.deepEqual(JSON.parse(dashes), DASHES);
});

test("twelve lanes look each another way, and lanes of one colour differ in shape and dash", () => {
  const looks = Array.from({ length: 12 }, (_none, rank) => laneLook(rank));
  assert.equal(new Set(looks.map((look) => JSON.stringify(look))).size, 12);
  assert.equal(looks[6]!.colour, looks[0]!.colour);
  assert.notEqual(looks[6]!.shape, looks[0]!.shape);
  assert.notEqual(looks[6]!.dash, looks[0]!.dash);
});
