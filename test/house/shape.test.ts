import assert from "node:assert/strict";
import { test } from "node:test";
import { plant } from "./planted.ts";
import {
  exportsWithoutName,
  longFilesAndFunctions,
  syntaxThatNodeCannotRun,
  vagueFileNames,
} from "./rules/shape.ts";
import { ROOT } from "./source.ts";

test("every export has a name of its own, listed one by one", () => {
  assert.deepEqual(exportsWithoutName(ROOT), []);
});

test("no file uses syntax that Node 22 or type stripping cannot run", () => {
  assert.deepEqual(syntaxThatNodeCannotRun(ROOT), []);
});

test("no file is named types, utils, helpers or constants", () => {
  assert.deepEqual(vagueFileNames(ROOT), []);
});

test("files stay under 400 lines and functions fit a screen of 70", () => {
  assert.deepEqual(longFilesAndFunctions(ROOT), []);
});

test("the export rule objects to `export *` and to a default export", (t) => {
  const root = plant(t, {
    "src/index.ts":
      'export * from "./a.ts";\nexport * as b from "./b.ts";\nexport default 1;\nexport { c } from "./c.ts";',
  });
  assert.deepEqual(
    exportsWithoutName(root).map((fault) => fault.split(";")[0]),
    ["src/index.ts:1: `export *`", "src/index.ts:2: `export *`", "src/index.ts:3: a default export"],
  );
});

test("the syntax rule objects to enums, parameter properties, namespaces and, in src, `using`", (t) => {
  const root = plant(t, {
    "src/a.ts":
      "enum A { b }\nclass C { constructor(private d: number) {} }\nnamespace E { export const f = 1; }\nfunction g() { using h = i(); }",
    "test/a.ts": 'using h = i();\ndeclare module "x" { export const y: number; }',
  });
  assert.deepEqual(
    syntaxThatNodeCannotRun(root).map((fault) => fault.split(/[;,]/)[0]),
    [
      "src/a.ts:1: an enum",
      "src/a.ts:2: a parameter property",
      "src/a.ts:3: a namespace",
      "src/a.ts:4: a `using` statement",
    ],
  );
});

test("the file name rule objects to names that hold anything", (t) => {
  const root = plant(t, {
    "src/core/types.ts": "",
    "src/gateway/utils.ts": "",
    "test/helpers.ts": "",
    "src/core/prototypes.ts": "",
  });
  assert.equal(vagueFileNames(root).length, 3);
});

test("the length rule objects to a file of 401 lines, a function of 71, and an exception that is none", (t) => {
  const body = (lines: number): string => "\n".repeat(lines - 1);
  const root = plant(t, {
    "src/long.ts": `// a${"\n// a".repeat(400)}`,
    "src/fits.ts": `// a${"\n// a".repeat(399)}`,
    "src/functions.ts": `function tooLong() {${body(71)}}\nfunction fits() {${body(70)}}\nclass A { method() {${body(71)}} }`,
    "test/long.ts": `function tests() {${body(90)}}`,
  });
  assert.deepEqual(
    longFilesAndFunctions(root, { "src/fits.ts": "because" }).map((fault) => fault.split(",")[0]),
    [
      "src/functions.ts:1: tooLong has 71 lines",
      "src/functions.ts:142: method has 71 lines",
      "src/long.ts: 401 lines",
      "src/fits.ts: listed as long on purpose",
    ],
  );
  assert.equal(
    longFilesAndFunctions(root, { "src/long.ts": "a table", "src/functions.ts tooLong": "a table" }).length,
    1,
  );
});
