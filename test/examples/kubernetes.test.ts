/** What docs/guides/kubernetes.md shows below a command is what the command prints. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { examplesOf, isPolicy } from "../house/examples.ts";
import { checkPolicy, pageFolder, runScript } from "../house/run-example.ts";
import { ROOT } from "../house/source.ts";

const PAGE = "docs/guides/kubernetes.md";

test("every manifest and diff that the guide shows is printed by the command above it", async () => {
  const folder = pageFolder("docs/guides/kubernetes-printed.md");
  const blocks = examplesOf(ROOT, PAGE);
  let shown = 0;
  for (const [index, block] of blocks.entries()) {
    if (isPolicy(block)) assert.equal((await checkPolicy(folder, block)).code, 0);
    const below = blocks[index + 1];
    if (!block.marks.has("run") || below === undefined || isPolicy(below) || below.language === "sh")
      continue;
    const { output } = await runScript(folder, block);
    assert.ok(`\n${output}`.includes(`\n${below.code}`), `${PAGE}:${below.line}: is not in\n${output}`);
    shown++;
  }
  assert.equal(shown, 5);
});
