import assert from "node:assert/strict";
import { it } from "node:test";
import { unifiedDiff } from "../../../src/cli/yaml/diff.ts";

/** What `patch` does: the text after, from the text before and the diff. */
function applied(before: string, diff: string): string {
  const lines = before.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const result: string[] = [];
  let at = 0;
  let last = "";
  for (const line of diff.match(/[^\n]*\n/g)?.slice(2) ?? []) {
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@\n$/.exec(line);
    if (hunk !== null) {
      const start = Number(hunk[1]) - (hunk[2] === "0" ? 0 : 1);
      result.push(...lines.slice(at, start));
      at = start;
      assert.equal(result.length, Number(hunk[3]) - (hunk[4] === "0" ? 0 : 1), line);
    } else if (line.startsWith("\\")) {
      if (last !== "-") result.push(result.pop()!.slice(0, -1));
    } else {
      last = line[0]!;
      if (last !== "+") {
        const found = lines[at++]!;
        assert.equal(found.replace(/\n$/, ""), line.slice(1, -1));
      }
      if (last !== "-") result.push(line.slice(1));
    }
  }
  return [...result, ...lines.slice(at)].join("");
}

it("turns the one text into the other, with nothing but what differs and three lines around it", () => {
  let state = 11;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < 2_000; round++) {
    const before = Array.from({ length: random(30) }, () => `line ${random(6)}\n`);
    const after = before.flatMap((line) => {
      const change = random(12);
      return change === 0 ? [] : change === 1 ? [line, "new\n"] : change === 2 ? ["other\n"] : [line];
    });
    const [one, other] = [before.join(""), after.join("")].map((text) =>
      random(3) === 0 ? text.replace(/\n$/, "") : text,
    ) as [string, string];
    const diff = unifiedDiff(one, other, "a.yaml");
    assert.equal(applied(one, diff), other, diff);
  }
});

it("reads as diff -u writes it", () => {
  const before = ["a", "b", "c", "d", "e", "f", "g", "h", "i", ""].join("\n");
  const after = before.replace("e\n", "e\nE\n");
  assert.equal(
    unifiedDiff(before, after, "x.yaml"),
    "--- x.yaml\n+++ x.yaml\n@@ -3,6 +3,7 @@\n c\n d\n e\n+E\n f\n g\n h\n",
  );
  assert.equal(
    unifiedDiff("a", "a\n", "x"),
    "--- x\n+++ x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n",
  );
  assert.equal(unifiedDiff("same", "same", "x"), "");
});
