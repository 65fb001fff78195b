import assert from "node:assert/strict";
import { test } from "node:test";
import type { Levels } from "../../src/calls/books.ts";
import { Charging } from "../../src/calls/charging.ts";
import type { ChargedCall } from "../../src/calls/charging.ts";
import type { RateLimits } from "../../src/providers/provider.ts";

const SIZE: Levels = { requests: 1_000, inputTokens: Infinity, outputTokens: 80_000 };
const STREAM: ChargedCall = { outputTokens: 4_000, isMost: true, stream: true };
const WHOLE: ChargedCall = { ...STREAM, stream: false };

const shows = (outputTokens: number): RateLimits => ({ left: { outputTokens }, limit: {}, resetMs: {} });
const holds = (outputTokens: number): Levels => ({ ...SIZE, outputTokens });

/** Replies whose head came; ours hold `ours`, theirs `theirs`. */
function replies(
  charging: Charging,
  count: number,
  call: ChargedCall,
  ours: number,
  theirs: number | undefined,
  now = 0,
): void {
  for (let index = 0; index < count; index++) {
    const running = charging.started(call, now);
    charging.replied(running, holds(ours), SIZE, theirs === undefined ? undefined : shows(theirs), now);
    charging.ended(running);
  }
}

test("the most is charged until three streams in a row show that nothing is reserved for them", () => {
  const charging = new Charging();
  replies(charging, 2, STREAM, 76_000, 80_000);
  replies(charging, 1, STREAM, 76_000, 76_000);
  replies(charging, 2, STREAM, 76_000, 80_000);
  assert.equal(charging.takesMost, true);
  replies(charging, 1, STREAM, 76_000, 80_000);
  assert.equal(charging.takesMost, false);
});

test("an upstream that reserves the same is charged the same, for ever", () => {
  const charging = new Charging();
  replies(charging, 1_000, STREAM, 50_000, 50_000);
  assert.equal(charging.takesMost, true);
});

test("calls on their way, of which the upstream cannot know, prove nothing", () => {
  const charging = new Charging();
  for (let index = 0; index < 5; index++) charging.started(STREAM, 0);
  // Six are reserved here, and one there.
  replies(charging, 10, STREAM, 56_000, 76_000, 100);
  assert.equal(charging.takesMost, true);
});

test("a reply that comes when all is written proves nothing by itself, but by the calls that have run for long beside it", () => {
  const alone = new Charging();
  replies(alone, 10, WHOLE, 76_000, 80_000);
  assert.equal(alone.takesMost, true);
  const charging = new Charging();
  for (let index = 0; index < 5; index++) charging.started(WHOLE, 0);
  replies(charging, 10, WHOLE, 56_000, 60_000, 5_000);
  assert.equal(charging.takesMost, true);
  replies(charging, 3, WHOLE, 56_000, 79_000, 5_000);
  assert.equal(charging.takesMost, false);
});

test("an upstream without books is charged by what is written, until a 429 that ours do not explain", () => {
  const charging = new Charging();
  replies(charging, 3, WHOLE, 70_000, undefined);
  assert.equal(charging.takesMost, false);
  charging.surprised({ left: { requests: 0 }, limit: {}, resetMs: {} });
  assert.equal(charging.takesMost, false);
  charging.surprised(undefined);
  assert.equal(charging.takesMost, true);
  replies(charging, 10, WHOLE, 70_000, undefined);
  assert.equal(charging.takesMost, true);
});

test("books that show more output gone than ours bring the most back, and for good", () => {
  const charging = new Charging();
  replies(charging, 3, STREAM, 76_000, 80_000);
  const short = { ...STREAM, outputTokens: 200, isMost: false };
  replies(charging, 1, short, 70_000, 68_600);
  assert.equal(charging.takesMost, false);
  replies(charging, 1, short, 70_000, 68_000);
  assert.equal(charging.takesMost, true);
  replies(charging, 50, STREAM, 76_000, 80_000);
  assert.equal(charging.takesMost, true);
});

test("what runs has still to come, where only what is written is charged; one that never ends is forgotten", () => {
  const charging = new Charging();
  charging.started(STREAM, 0);
  assert.equal(charging.afterAll(50_000), 50_000);
  replies(charging, 3, STREAM, 72_000, 80_000);
  assert.equal(charging.afterAll(50_000), 46_000);
  const other = new Charging();
  other.started(STREAM, 0);
  replies(other, 3, STREAM, 76_000, 80_000, 11 * 60_000);
  assert.equal(other.afterAll(50_000), 50_000);
});

test("calls end in any order, each once, and take their own output off and no other's", () => {
  const charging = new Charging();
  replies(charging, 3, STREAM, 76_000, 80_000);
  const [first, second, third] = [1_000, 2_000, 4_000].map((outputTokens) =>
    charging.started({ ...STREAM, outputTokens }, 0),
  );
  assert.equal(charging.afterAll(50_000), 43_000);
  charging.ended(first!);
  charging.ended(first!);
  assert.equal(charging.afterAll(50_000), 44_000);
  charging.ended(third!);
  assert.equal(charging.underWay, 1);
  charging.ended(second!);
  assert.equal(charging.afterAll(50_000), 50_000);
});
