import assert from "node:assert/strict";
import { test } from "node:test";
import { Window } from "../../../src/core/limit/window.ts";

function about(found: number | undefined, wanted: number): void {
  assert.ok(found !== undefined && Math.abs(found - wanted) < 1e-9, `found ${found}, wanted ${wanted}`);
}

test("a window knows the seats in use on average, and whether somebody waited for most of the time", () => {
  const seen = new Window();
  seen.begin(0, 0, 0);
  seen.pass(4, 0, 40);
  assert.equal(seen.limited(40), false);
  seen.pass(8, 3, 100);
  about(seen.seats(100), (4 * 40 + 8 * 60) / 100);
  assert.equal(seen.limited(100), true);
});

test("what happens before a window begins is let pass, and what began before it may count is not counted", () => {
  const seen = new Window();
  seen.begin(0, 100, 60);
  seen.pass(50, 1, 90);
  seen.ended(20, false, 90);
  seen.pass(50, 1, 100);
  seen.pass(2, 1, 200);
  seen.ended(150, false, 200);
  seen.ended(140, false, 200);
  about(seen.seats(200), 2);
  assert.equal(seen.done, 1);
});

test("a success costs its run, and its share of the attempts that failed", () => {
  const seen = new Window();
  seen.begin(0, 0, 0);
  seen.ended(10, false, 50);
  seen.ended(1_000, false, 2_000);
  about(seen.cost, Math.log(100));
  about(seen.variance, Math.log(10) ** 2);
  seen.ended(1, true, 2_000);
  seen.ended(1, true, 2_000);
  about(seen.failures, 0.5);
  about(seen.cost, Math.log(200));
});

test("without a success nothing is known of what one costs", () => {
  const seen = new Window();
  seen.begin(0, 0, 0);
  seen.ended(10, true, 50);
  assert.equal(seen.cost, undefined);
});
