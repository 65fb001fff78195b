/** The sizes that the reference tells are those of what was built. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { shownTable, sizes, tableOf } from "../../scripts/sizes.ts";

/** In parts of what is shown: a release is written down anew, a commit between two need not be. */
const TOLERANCE = 0.15;

const rowsOf = (table: string): Map<string, number[]> =>
  new Map(
    [...table.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)].map(([, subpath = "", cells = ""]) => [
      subpath,
      cells.split(" | ").map((cell) => Number(cell.replace(" kB", ""))),
    ]),
  );

test("the sizes on the page are those of the subpaths, within a seventh", async () => {
  const measured = rowsOf(tableOf(await sizes()));
  const shown = rowsOf(shownTable());
  assert.deepEqual([...shown.keys()], [...measured.keys()]);
  for (const [subpath, cells] of measured)
    for (const [column, found] of cells.entries()) {
      const told = shown.get(subpath)![column]!;
      const isNear = Math.abs(found - told) <= told * TOLERANCE;
      assert.ok(
        isNear,
        `${subpath}: the page says ${told} kB, found ${found}: node scripts/sizes.ts --write`,
      );
    }
});
