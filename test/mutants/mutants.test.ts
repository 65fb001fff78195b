/** The list of planted bugs fits the source; `npm run mutants` shows that the tests find them. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { BUILT, MUTANTS } from "./mutants.ts";

const ROOT = new URL("../../", import.meta.url);

test("the text that each planted bug replaces occurs in its file exactly once", () => {
  for (const { name, file, find, replace } of MUTANTS) {
    const found = readFileSync(new URL(file, ROOT), "utf8").split(find).length - 1;
    assert.equal(found, 1, `"${name}": found its text ${found} times in ${file}; say what the code says now`);
    assert.notEqual(find, replace, name);
  }
});

test("every promise that is built has a planted bug, and each of these a name and a test of its own", () => {
  for (const promise of BUILT)
    assert.ok(
      MUTANTS.some((mutant) => mutant.promise === promise),
      `promise ${promise} has none`,
    );
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length, "names differ");
  assert.equal(
    new Set(MUTANTS.map(({ file, replace, find }) => file + find + replace)).size,
    MUTANTS.length,
    "bugs differ",
  );
  for (const { name, killedBy } of MUTANTS)
    assert.ok(existsSync(new URL(killedBy, ROOT)), `"${name}": there is no ${killedBy}`);
});
