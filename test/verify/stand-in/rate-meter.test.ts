import assert from "node:assert/strict";
import { test } from "node:test";
import { RateMeter } from "../../../src/verify/stand-in/rate-meter.ts";

test("a meter refills with time up to its limit and says when it will be full", () => {
  let now = 1_000_000;
  const meter = new RateMeter(60, () => now);
  meter.spend(30);
  assert.equal(meter.remaining(), 30);
  assert.equal(meter.fullAt().getTime(), now + 30_000);
  now += 10_000;
  assert.equal(meter.remaining(), 40);
  now += 3_600_000;
  assert.equal(meter.remaining(), 60);
});

test("a meter that is overspent shows nothing left, never less", () => {
  const meter = new RateMeter(10, () => 0);
  meter.spend(25);
  assert.equal(meter.remaining(), 0);
});
