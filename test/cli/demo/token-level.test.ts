import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenLevel } from "../../../src/cli/demo/token-level.ts";

test("a level falls by what was taken and rises with time, never above full", () => {
  const level = new TokenLevel(60_000, 3_000);
  level.see(0, 2_000);
  assert.equal(level.leftShare, 1);
  level.see(30_000, 3_000);
  assert.equal(level.leftShare, 0.5);
  level.see(30_000, 9_000);
  assert.equal(level.leftShare, 0.6);
  level.see(30_000, 90_000);
  assert.equal(level.leftShare, 1);
});

test("what is shown stays between nothing and all, whatever the upstream let through", () => {
  const level = new TokenLevel(1_000, 0);
  level.see(5_000, 10);
  assert.equal(level.leftShare, 0);
  assert.equal(level.usedShare, 1);
});

test("the share used counts from the flood on: a full bucket and its refill since", () => {
  const level = new TokenLevel(60_000, 3_000);
  level.see(1_000, 2_900);
  assert.equal(level.usedShare, 0);
  level.see(46_000, 33_000);
  assert.equal(level.usedShare, 45_000 / 90_000);
});
