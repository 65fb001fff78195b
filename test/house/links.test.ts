import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { plant } from "./planted.ts";
import { listFiles, readText, ROOT } from "./source.ts";

/** Links of the pages to files or headings that are not there. */
function brokenLinks(root: string): string[] {
  return listFiles(root, "", /\.md$/).flatMap((page) =>
    [...proseOf(root, page).matchAll(/\]\(([^)\s#]*)(?:#([^)\s]*))?\)/g)].flatMap(
      ([, path = "", heading]) => {
        if (/^[a-z]+:/.test(path)) return [];
        const target = path === "" ? page : join(dirname(page), path);
        if (!existsSync(join(root, target))) return [`${page}: there is no ${target}`];
        if (heading === undefined || statSync(join(root, target)).isDirectory()) return [];
        return headingsOf(root, target).includes(heading)
          ? []
          : [`${page}: ${target} has no heading #${heading}`];
      },
    ),
  );
}

/** A page without its code. */
function proseOf(root: string, page: string): string {
  return (readText(root, page) ?? "")
    .replaceAll(/^ *(```+|~~~+)[^]*?^ *\1.*$/gm, "")
    .replaceAll(/`[^`\n]*`/g, "");
}

/** Headings as a link names them. */
function headingsOf(root: string, page: string): string[] {
  const text = (readText(root, page) ?? "").replaceAll(/^ *(```+|~~~+)[^]*?^ *\1.*$/gm, "");
  return [...text.matchAll(/^#+ +(.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test("every link of a page leads to a file, and to a heading, that is there", () => {
  assert.deepEqual(brokenLinks(ROOT), []);
});

test("the rule on links objects to files and headings that are not there", (t) => {
  const root = plant(t, {
    "README.md":
      "# Top\n[a](docs/a.md) [b](docs/a.md#the-first-one) [c](#top) [d](https://example.com/x) [e](docs)\n" +
      "[f](docs/gone.md) [g](docs/a.md#second) [h](#bottom)\n![i](gone.svg)\n`[j](none)`\n```\n[k](none)\n```\n",
    "docs/a.md": "## The first, `one`\n[up](../README.md)\n```sh\n# second\n```\n",
  });
  assert.deepEqual(brokenLinks(root), [
    "README.md: there is no docs/gone.md",
    "README.md: docs/a.md has no heading #second",
    "README.md: README.md has no heading #bottom",
    "README.md: there is no gone.svg",
  ]);
});
