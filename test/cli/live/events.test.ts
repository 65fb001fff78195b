import assert from "node:assert/strict";
import { test } from "node:test";
import { EventReader } from "../../../src/cli/live/events.ts";

const STREAM =
  'retry: 2000\n\nevent: state\ndata: {"lanes":["a:b"]}\n\n: still here\n\nevent: tick\ndata: {"at":1}\n\ndata: plain\n\n';

test("events are the same wherever the pieces are cut, and what has no data is none", () => {
  const expected = [
    { event: "state", data: '{"lanes":["a:b"]}' },
    { event: "tick", data: '{"at":1}' },
    { event: "message", data: "plain" },
  ];
  for (let length = 1; length <= STREAM.length; length++) {
    const reader = new EventReader();
    const found = [];
    for (let at = 0; at < STREAM.length; at += length)
      found.push(...reader.read(STREAM.slice(at, at + length)));
    assert.deepEqual(found, expected, `pieces of ${length}`);
  }
  assert.deepEqual(new EventReader().read("event: tick\ndata: half"), []);
});

test("what sends without an end is not kept for ever", () => {
  const reader = new EventReader();
  const piece = "x".repeat(1_000_000);
  assert.throws(() => {
    for (let n = 0; n < 20; n++) reader.read(piece);
  }, /what it sends has no end/);
});
