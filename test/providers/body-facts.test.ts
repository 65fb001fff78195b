import assert from "node:assert/strict";
import { test } from "node:test";
import { modelOf } from "../../src/providers/body-facts.ts";

const of = (text: string): string | undefined => modelOf(Buffer.from(text));

test('the model is the string under "model" at the top level', () => {
  assert.equal(of('{"model":"a"}'), "a");
  assert.equal(of(' \n{ "max_tokens" : 5 , "model" : "b" }'), "b");
  assert.equal(
    of('{"messages":[{"model":"no"},{"content":[{"model":"no"}]}],"meta":{"model":"no"},"model":"c"}'),
    "c",
  );
  assert.equal(of('{"system":"say \\"model\\": \\"no\\" {[","model":"d"}'), "d");
  assert.equal(of('{"path":"C:\\\\","model":"e"}'), "e");
  assert.equal(of('{"m\\u006fdel":"f\\u0021"}'), "f!");
  assert.equal(of('{"model":"über"}'), "über");
});

test("of two models the last counts, for the upstream takes that one", () => {
  assert.equal(of('{"model":"cheap","model":"dear"}'), "dear");
  assert.equal(of('{"model":"cheap","model":null}'), undefined);
  assert.equal(of('{"model":"cheap","model":{"model":"dear"}}'), undefined);
  assert.equal(of('{"model":7,"model":"x"}'), "x");
});

test("what names no model gives none", () => {
  for (const text of [
    "",
    "{",
    "[]",
    '"model"',
    '["model","a"]',
    '{"model":1}',
    '{"model":"a"',
    '{"model":"a",',
    '{"model":"a","messages":["x"]',
    '{"a":"model","b":"c"}',
    '{"model',
    "{}",
    '{"a":{"model":"x"}}',
    "null",
    "not json",
  ])
    assert.equal(of(text), undefined, text);
});

test("it agrees with JSON.parse on random objects, as compact and as wide as JSON may be written", () => {
  let seed = 7;
  const random = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const texts = ["model", "a", 'mo"del', "\\", '\\"', "\u2028{", "}", ""];
  const value = (depth: number): unknown => {
    const kind = depth > 3 ? 0 : random();
    if (kind < 0.4) return pick(texts);
    if (kind < 0.55) return pick([null, 1.5, true, -0]);
    const items = Array.from({ length: Math.floor(random() * 4) }, () => value(depth + 1));
    return kind < 0.75 ? items : Object.fromEntries(items.map((item) => [pick(texts), item]));
  };
  for (let i = 0; i < 5_000; i++) {
    const members = Array.from({ length: Math.floor(random() * 5) }, () => {
      const key = random() < 0.2 ? '"\\u006dodel"' : JSON.stringify(pick(texts));
      return `${key}${pick([":", " : "])}${JSON.stringify(value(0), null, pick([0, 1]))}`;
    });
    const text = `{${members.join(pick([",", " ,\n"]))}}`;
    const model: unknown = JSON.parse(text).model;
    assert.equal(of(text), typeof model === "string" ? model : undefined, `seed 7, case ${i}: ${text}`);
  }
});
