import assert from "node:assert/strict";
import { test } from "node:test";
import {
  countText,
  grouped,
  instantText,
  percentText,
  plural,
  servedText,
  timeText,
} from "../../../src/verify/report/words.ts";
import { NO_TIMES } from "./planted.ts";

test("nothing that is not all is called 100 %, and nothing that is there is called 0 %", () => {
  const parts = [1, 0.99999, 0.9989, 0.29, 0.5, 0.0004, 0].map(percentText);
  assert.deepEqual(parts, ["100 %", "99.99 %", "99.89 %", "29 %", "50 %", "<0.1 %", "0 %"]);
});

test("counts have their thousands apart, and a dash for none", () => {
  assert.deepEqual([0, 7, 1_234, 1_234_567].map(countText), ["–", "7", "1,234", "1,234,567"]);
  assert.deepEqual([grouped(0), plural(1, "call"), plural(1_000, "call")], ["0", "1 call", "1,000 calls"]);
});

test("what was not measured, or not offered, is a dash", () => {
  assert.equal(timeText(NO_TIMES, "p99"), "–");
  assert.equal(timeText({ ...NO_TIMES, count: 3, p99: Number.NaN }, "p99"), "–");
  assert.equal(timeText({ ...NO_TIMES, count: 3, p99: 212.3 }, "p99"), "212 ms");
  assert.equal(servedText({ offered: 0, served: 0 }), "–");
  assert.equal(servedText({ offered: 1_000, served: 999 }), "99.9 %");
});

test("an instant is written to the minute, and what is none as it is", () => {
  assert.equal(instantText("2026-11-21T20:30:59.000Z"), "2026-11-21 20:30 UTC");
  assert.equal(instantText("yesterday"), "yesterday");
});
