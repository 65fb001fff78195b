import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonPaths, JsonScan } from "../../src/providers/json-scan.ts";
import type { JsonLeaf } from "../../src/providers/json-scan.ts";
import { pick, pieces, randomOf } from "./random.ts";

const PATHS = ["a", "b.c", "b.d.e", "über"] as const;

function scanned(parts: readonly Buffer[]): { whole: boolean; values: Record<string, JsonLeaf> } {
  const values: Record<string, JsonLeaf> = {};
  const scan = new JsonScan({
    paths: jsonPaths(PATHS),
    found: (path, value) => {
      values[path] = value;
    },
  });
  for (const part of parts) scan.push(part);
  return { whole: scan.whole, values };
}

const of = (text: string): Record<string, JsonLeaf> => scanned([Buffer.from(text)]).values;

test("values are found under their paths and nowhere else", () => {
  assert.deepEqual(of('{"a":1,"b":{"a":2,"c":"x","d":{"e":true,"c":3}},"c":4,"x":{"a":5,"b":{"c":6}}}'), {
    a: 1,
    "b.c": "x",
    "b.d.e": true,
  });
  assert.deepEqual(of('{"x":[{"a":1},"a",{"b":{"c":1}}],"b":[{"c":1}],"a":null,"über":-1.5e3}'), {
    a: null,
    über: -1500,
  });
  assert.deepEqual(of('{ "b" : { "c" : "\\u00fc\\"}" } , "a" : [1] }'), { "b.c": 'ü"}', a: undefined });
});

test("only a complete object is whole, and nothing behind it counts", () => {
  for (const text of ["", "[1]", '"a"', "null", "{", '{"a":1', '{"a":"}', "x{}"])
    assert.equal(scanned([Buffer.from(text)]).whole, false, text);
  assert.deepEqual(scanned([Buffer.from(' {"a":1} {"a":2}')]), { whole: true, values: { a: 1 } });
});

test("a value too long to be one that is looked for counts as not there, and takes no memory", () => {
  const text = `{"a":"${"x".repeat(1_000_000)}","b":{"c":${"1".repeat(100_000)}},"über":1}`;
  assert.deepEqual(of(text), { a: undefined, "b.c": Infinity, über: 1 });
});

test("a border inside an escape of a long string splits nothing", () => {
  const a = `${"x".repeat(100)}"\\${"y".repeat(100)}\\\\`;
  const bytes = Buffer.from(JSON.stringify({ x: a, a, b: { c: 1 } }));
  for (let at = 0; at <= bytes.length; at++) {
    const { values } = scanned([bytes.subarray(0, at), bytes.subarray(at)]);
    assert.deepEqual(values, { a, "b.c": 1 }, `border at ${at}`);
  }
});

test("pieces with borders anywhere give what JSON.parse gives", () => {
  const random = randomOf(11);
  const texts = ["a", "b", "c", "d", "e", "über", "漢字😀", '"', "\\", '\\"', "{", "}", ",", ""];
  // Longer than what is looked at byte by byte.
  texts.push(`${"x".repeat(80)}\\`, `${"y".repeat(90)}"}\\\\"${"z".repeat(70)}\\"`);
  const value = (depth: number): unknown => {
    const kind = depth > 4 ? 0 : random();
    if (kind < 0.3) return pick(random, texts);
    if (kind < 0.5) return pick(random, [null, true, false, 0, -12.5e-3, 7]);
    const items = Array.from({ length: Math.floor(random() * 5) }, () => value(depth + 1));
    return kind < 0.65 ? items : Object.fromEntries(items.map((item) => [pick(random, texts), item]));
  };
  for (let i = 0; i < 4_000; i++) {
    const object = { ...(value(0) as object), b: value(1), [pick(random, texts)]: value(0) };
    const bytes = Buffer.from(JSON.stringify(object, null, pick(random, [0, 1])));
    const wanted = Object.fromEntries(
      PATHS.flatMap((path) => {
        const found = path
          .split(".")
          .reduce<unknown>(
            (at, name) =>
              typeof at === "object" && at !== null && !Array.isArray(at) && Object.hasOwn(at, name)
                ? (at as Record<string, unknown>)[name]
                : MISSING,
            object,
          );
        if (found === MISSING) return [];
        return [[path, typeof found === "object" && found !== null ? undefined : found]];
      }),
    );
    assert.deepEqual(
      scanned(pieces(random, bytes)),
      { whole: true, values: wanted },
      `seed 11, case ${i}: ${bytes.toString()}`,
    );
  }
});

const MISSING = Symbol("missing");
