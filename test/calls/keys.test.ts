import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { Keys } from "../../src/calls/keys.ts";

const names = (keys: Keys, lane: string, now: number): string[] =>
  keys.usable(lane, now).map(({ name }) => name);

test("without keys, calls are charged to the caller and bring their own", () => {
  const keys = new Keys([], {});
  assert.deepEqual(names(keys, "chat", 0), ["caller"]);
  assert.equal(keys.usable("chat", 0)[0]!.reveal(), undefined);
});

test("a lane with keys of its own uses no other, and the rest do not use its", () => {
  const keys = new Keys(["a", "b"], { batch: ["c"], "eu/night": ["d", "e"], empty: [] });
  assert.deepEqual(names(keys, "chat", 0), ["0", "1"]);
  assert.deepEqual(names(keys, "batch", 0), ["batch-0"]);
  assert.deepEqual(names(keys, "eu/night", 0), ["eu-night-0", "eu-night-1"]);
  assert.deepEqual(names(keys, "empty", 0), ["0", "1"]);
});

test("a key that is listed twice is one key, with one allowance and one health", () => {
  const keys = new Keys(["a", "b", "a"], { batch: ["b"], low: ["c"], bulk: ["c"] });
  assert.deepEqual(names(keys, "chat", 0), ["0", "1"]);
  assert.deepEqual(names(keys, "batch", 0), ["1"]);
  assert.deepEqual(names(keys, "bulk", 0), ["low-0"]);
  keys.usable("batch", 0)[0]!.failed(0);
  assert.deepEqual(names(keys, "chat", 0), ["0"]);
});

test("a key that fails is set aside, and probed by one call after 1 s, 2 s, 4 s … 60 s", () => {
  const keys = new Keys(["a", "b"], {});
  const [first] = keys.usable("chat", 0);
  let now = 0;
  const pauses: number[] = [];
  for (let failure = 0; failure < 8; failure++) {
    first!.failed(now);
    assert.deepEqual(names(keys, "chat", now), ["1"]);
    const since = now;
    while (names(keys, "chat", now)[0] !== "0") now += 500;
    pauses.push(now - since);
    // The probe is one call's; the next ones go on with what works.
    assert.deepEqual(names(keys, "chat", now), ["1"]);
  }
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
});

test("a key that works again is used again, and its failures are forgotten", () => {
  const keys = new Keys(["a", "b"], {});
  const [first] = keys.usable("chat", 0);
  first!.failed(0);
  first!.failed(0);
  first!.worked();
  assert.deepEqual(names(keys, "chat", 0), ["0", "1"]);
  first!.failed(0);
  assert.deepEqual(names(keys, "chat", 1_000), ["0"]);
});

test("a probe that never tells how it went is followed by another", () => {
  const keys = new Keys(["a", "b"], {});
  keys.usable("chat", 0)[0]!.failed(0);
  assert.deepEqual(names(keys, "chat", 1_000), ["0"]);
  assert.deepEqual(names(keys, "chat", 1_999), ["1"]);
  assert.deepEqual(names(keys, "chat", 2_000), ["0"]);
});

test("when all keys fail all are used: a call that fails tells more than one that waits", () => {
  const keys = new Keys(["a", "b"], {});
  for (const key of keys.usable("chat", 0)) key.failed(0);
  assert.deepEqual(names(keys, "chat", 0), ["0", "1"]);
});

test("a paused key is not probed", () => {
  const keys = new Keys(["a", "b"], {});
  const [first] = keys.usable("chat", 0);
  first!.failed(0);
  first!.pausedUntil = 10_000;
  assert.deepEqual(names(keys, "chat", 5_000), ["1"]);
  assert.deepEqual(names(keys, "chat", 10_000), ["0"]);
});

test("a key is shown nowhere by accident", () => {
  const keys = new Keys(["secret-key-1"], { batch: ["secret-key-2"] });
  for (const text of [
    inspect(keys, { depth: 9 }),
    inspect(keys.usable("batch", 0)),
    JSON.stringify(keys.usable("chat", 0)),
  ])
    assert.doesNotMatch(text, /secret-key/);
});
