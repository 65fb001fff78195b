import assert from "node:assert/strict";
import { test } from "node:test";
import { Gate } from "../../../src/verify/stand-in/gate.ts";

test("so many run at once, the rest start in the order they came as others leave", () => {
  const gate = new Gate(2);
  const started: string[] = [];
  const leave = ["a", "b", "c", "d"].map((name) => gate.enter(() => void started.push(name)));
  assert.deepEqual(started, ["a", "b"]);
  leave[1]!();
  assert.deepEqual(started, ["a", "b", "c"]);
  leave[0]!();
  assert.deepEqual(started, ["a", "b", "c", "d"]);
  assert.equal(gate.most, 4);
});

test("who leaves the queue never starts, and leaving twice frees one seat only", () => {
  const gate = new Gate(1);
  const started: string[] = [];
  const leave = ["a", "b", "c", "d"].map((name) => gate.enter(() => void started.push(name)));
  leave[1]!();
  leave[0]!();
  leave[0]!();
  assert.deepEqual(started, ["a", "c"]);
  assert.equal(gate.running, 1);
  assert.equal(gate.waiting, 1);
});
