import assert from "node:assert/strict";
import { test } from "node:test";
import { plant } from "./planted.ts";
import { undocumentedNames } from "./rules/docstrings.ts";
import { undocumentedErrors } from "./rules/errors.ts";
import { wordsOutsideTheGlossary } from "./rules/words.ts";
import { ROOT } from "./source.ts";

test("every error code and reason is on docs/reference/errors.md, and every one on it exists", () => {
  assert.deepEqual(undocumentedErrors(ROOT), []);
});

test("every public name has a docstring, and so has every public method of a public class", () => {
  assert.deepEqual(undocumentedNames(ROOT), []);
});

test("names that leave their file use the words of the glossary", () => {
  assert.deepEqual(wordsOutsideTheGlossary(ROOT), []);
});

test("the error rule objects to a code or reason on one side only", (t) => {
  const root = plant(t, {
    "src/core/errors.ts":
      'export const REASONS = { LANEWAY_A: ["one", "two"], LANEWAY_B: ["three"] } as const satisfies object;',
    "docs/reference/errors.md":
      "## `LANEWAY_A`\n\n| reason | means |\n| --- | --- |\n| `one` | x |\n| `four` | x |\n\n## LANEWAY_C\n",
  });
  assert.deepEqual(undocumentedErrors(root), [
    "docs/reference/errors.md: LANEWAY_A two is in REASONS of src/core/errors.ts and not on the page",
    "docs/reference/errors.md: LANEWAY_B is in REASONS of src/core/errors.ts and not on the page",
    "src/core/errors.ts: LANEWAY_A four is on the page docs/reference/errors.md and not in REASONS",
    "src/core/errors.ts: LANEWAY_C is on the page docs/reference/errors.md and not in REASONS",
  ]);
  const unreadable = plant(t, { "src/core/errors.ts": "export const OTHER = {};" });
  assert.deepEqual(undocumentedErrors(unreadable), ["src/core/errors.ts: found no REASONS table"]);
});

test("the docstring rule follows re-exports to the declaration and objects where it stands bare", (t) => {
  const root = plant(t, {
    "package.json": JSON.stringify({
      exports: {
        ".": { default: "./dist/index.js" },
        "./gone": { default: "./dist/gone.js" },
        "./schema.json": "./schema.json",
      },
    }),
    "src/index.ts": [
      'export { documented, bare, Both as Renamed } from "./core/a.ts";',
      'export type { Bare, Told } from "./core/a.ts";',
      'import { far } from "./core/b.ts";',
      'export { far, lost } from "./core/b.ts";',
      "export { far as near };",
    ].join("\n"),
    "src/core/a.ts": [
      "/** Says something. */\nexport function documented(): void {}",
      "/** Stands before something else. */\nconst other = 1;\nexport const bare = other;",
      "/** A class. */\nexport class Both {\n  /** A method. */\n  told(): void {}\n  untold(): void {}\n  #hidden(): void {}\n}",
      "export interface Bare { a: 1 }",
      "/** An interface. */\n\nexport interface Told { a: 1 }",
    ].join("\n"),
    "src/core/b.ts": "/* not a docstring */\nexport const far = 1;",
  });
  assert.deepEqual(undocumentedNames(root), [
    'src/index.ts: found no declaration of "lost"',
    'package.json: exports "./gone" needs src/gone.ts, which is not there',
    'src/core/a.ts:5: bare of "laneway" has no docstring directly before it',
    "src/core/a.ts:10: Renamed.untold has no docstring directly before it",
    'src/core/a.ts:13: Bare of "laneway" has no docstring directly before it',
    'src/core/b.ts:2: near of "laneway" has no docstring directly before it',
    'src/core/b.ts:2: far of "laneway" has no docstring directly before it',
  ]);
});

test("the word rule objects to a banned word in an exported name or member, and to an empty glossary", (t) => {
  const root = plant(t, {
    "GLOSSARY.md":
      "| word | means | not |\n| --- | --- | --- |\n| **seat** | one unit | `slot` |\n| **lane** | a class | `tier`, class |\n",
    "src/a.ts": [
      "export function freeSlots(): void {}",
      "export interface Lane { readonly tierName: string; class: string }",
      "const slot = 1;",
      "export { slot };",
      "export class SeatManager {}",
      "export interface ILane { frontier: 1; slotted: 2 }",
    ].join("\n"),
  });
  assert.deepEqual(wordsOutsideTheGlossary(root), [
    'src/a.ts:1: "freeSlots": GLOSSARY.md says "seat", not "slots"',
    'src/a.ts:2: "tierName": GLOSSARY.md says "lane", not "tier"',
    'src/a.ts:4: "slot": GLOSSARY.md says "seat", not "slot"',
    'src/a.ts:5: "SeatManager": says nothing of what it does',
    'src/a.ts:6: "ILane": interfaces bear no prefix',
  ]);
  assert.deepEqual(wordsOutsideTheGlossary(plant(t, {})), [
    "GLOSSARY.md: found no table with a column of words not to use",
  ]);
});
