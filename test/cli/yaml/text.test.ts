import assert from "node:assert/strict";
import { it } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { yamlDocuments, yamlLines, yamlScalar } from "../../../src/cli/yaml/text.ts";
import type { Plain } from "../../../src/cli/yaml/text.ts";

const SEED = Number(process.env["LANEWAY_TEST_SEED"] ?? 7);

const WORDS = [
  ..."no yes on off y n true null ~ 1 0x1F 0o17 012 1:30 1e3 .5 -1 500m 512Mi 2001-01-01 =".split(" "),
  ..."lane-critical a.b/c {a} [a] &a *a !a %a @a `a - -- --- ... ? : # a:b <<".split(" "),
  "",
  " a ",
  "a: b",
  "a #b",
  "two\nlines",
  "tab\there",
  'quo"te',
  "back\\slash",
  "\u2028\u0085\u00a0\ufeff",
  "é😀",
];

it(`what is written means the same to a reader of YAML 1.1 and of YAML 1.2 (seed ${SEED})`, () => {
  let state = SEED;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
  const value = (depth: number): Plain => {
    const kind = random(depth > 3 ? 4 : 7);
    if (kind < 2) return WORDS[random(WORDS.length)]!;
    if (kind === 2) return random(2) === 0;
    if (kind === 3) return random(2) === 0 ? random(1_000_000) - 500_000 : null;
    if (kind < 6) {
      const entries = Array.from({ length: random(4) }, () => [
        WORDS[random(WORDS.length)]!,
        value(depth + 1),
      ]);
      return Object.fromEntries(entries) as Plain;
    }
    return Array.from({ length: random(4) }, () => value(depth + 1));
  };
  for (let round = 0; round < 2_000; round++) {
    const given = { a: value(0), b: [value(1)] };
    for (const listIndent of [0, 2] as const) {
      const text = yamlLines(given, 0, { listIndent }).join("\n");
      for (const version of ["1.1", "1.2"] as const)
        assert.deepEqual(parse(text, { version }), given, `${version}:\n${text}`);
    }
  }
});

it("words are bare where nobody mistakes them", () => {
  const bare = ["lane-critical", "500m", "512Mi", "scheduling.k8s.io/v1", "laneway.dev/lane"];
  assert.deepEqual(bare.map(yamlScalar), bare);
  assert.deepEqual(["no", "1", "1e3", "", "a b"].map(yamlScalar), ['"no"', '"1"', '"1e3"', '""', '"a b"']);
});

it("each document stands for itself", () => {
  const documents = [{ a: 1 }, { b: { c: ["d"] } }];
  const text = yamlDocuments(documents);
  assert.equal(text, "---\na: 1\n---\nb:\n  c:\n    - d\n");
  assert.deepEqual(
    parseAllDocuments(text).map((document) => document.toJS() as unknown),
    documents,
  );
});
