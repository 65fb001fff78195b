import assert from "node:assert/strict";
import { test } from "node:test";
import { RateBucket } from "../../../src/verify/stand-in/rate-bucket.ts";

test("a bucket refills with time up to its size and says when it will be full", () => {
  let now = 1_000_000;
  const bucket = new RateBucket(60, () => now);
  bucket.take(30);
  assert.equal(bucket.left, 30);
  assert.equal(bucket.fullAt(), now + 30_000);
  now += 10_000;
  assert.equal(bucket.left, 40);
  now += 3_600_000;
  assert.equal(bucket.left, 60);
});

test("a bucket goes below zero when more was used than there was, and says how long it takes to recover", () => {
  let now = 0;
  const bucket = new RateBucket(60, () => now);
  bucket.take(70);
  assert.equal(bucket.left, -10);
  assert.equal(bucket.msUntil(5), 15_000);
  now += 15_000;
  assert.equal(bucket.msUntil(5), 0);
});

test("waiting for more than a bucket holds is waiting for a full bucket", () => {
  const bucket = new RateBucket(60, () => 0);
  bucket.take(60);
  assert.equal(bucket.msUntil(1_000), 60_000);
});

test("what is given back never overfills the bucket", () => {
  const bucket = new RateBucket(60, () => 0);
  bucket.take(-30);
  assert.equal(bucket.left, 60);
});

test("after exactly the time it named there is enough, whatever the steps in which time passed", () => {
  let now = 0;
  const bucket = new RateBucket(70, () => now);
  bucket.take(70);
  const waitMs = bucket.msUntil(1);
  for (let step = 0; step < 1_000; step++) {
    now = (waitMs * (step + 1)) / 1_000;
    void bucket.left;
  }
  assert.equal(bucket.msUntil(1), 0);
});

test("without a limit nothing is ever lacking", () => {
  const bucket = new RateBucket(Infinity, () => 5);
  bucket.take(1e12);
  assert.deepEqual([bucket.left, bucket.msUntil(1e12), bucket.fullAt()], [Infinity, 0, 5]);
});
