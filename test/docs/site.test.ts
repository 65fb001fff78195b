import assert from "node:assert/strict";
import { posix } from "node:path";
import { test } from "node:test";
import { chromium, opened } from "../dashboard/browser.ts";
import { publicNames } from "../house/rules/public-names.ts";
import { ROOT } from "../house/source.ts";
import { served, site } from "./built.ts";
import type { Site } from "./built.ts";

function pagesOf({ files }: Site): string[] {
  return files.filter((file) => file.endsWith(".html") && file !== "404.html");
}

/** The file that a link of a page leads to. */
function targetOf(page: string, path: string): string {
  if (path === "") return page;
  const target = path.startsWith("/") ? path.slice(1) : posix.join(posix.dirname(page), path);
  return /(^|\/|^\.\/?)$/.test(target) ? posix.join(target, "index.html") : target;
}

test("no page of the site loads anything from another origin", (t) => {
  const docs = site(t);
  if (docs === undefined) return;
  const loads =
    /<(?:script|img|source|iframe|video|link)\b[^>]*?\b(?:src|srcset|href)="((?:https?:)?\/\/[^"]*)"/g;
  const asked = pagesOf(docs).flatMap((page) =>
    [...docs.read(page).matchAll(loads)].map(([, address]) => `${page}: ${address}`),
  );
  const styles = docs.files.filter((file) => file.endsWith(".css"));
  const fetched = styles.flatMap((file) =>
    [...docs.read(file).matchAll(/(?:url\(|@import )["']?(?:https?:)?\/\/[^"')]*/g)].map(
      ([found]) => `${file}: ${found}`,
    ),
  );
  assert.deepEqual([...asked, ...fetched], []);
});

test("every link inside the site leads to a page, and to a heading or entry, that is there", (t) => {
  const docs = site(t);
  if (docs === undefined) return;
  const idsOf = (page: string): Set<string> =>
    new Set([...docs.read(page).matchAll(/\bid="([^"]*)"/g)].map(([, id = ""]) => id));
  const ids = new Map(pagesOf(docs).map((page) => [page, idsOf(page)]));
  const broken = pagesOf(docs).flatMap((page) =>
    [...docs.read(page).matchAll(/<a\b[^>]*?\bhref="([^":#]*)(?:#([^"]*))?"/g)].flatMap(
      ([, path, heading]) => {
        const target = targetOf(page, path ?? "");
        if (!docs.files.includes(target)) return [`${page}: there is no ${target}`];
        if (heading === undefined || ids.get(target)?.has(decodeURIComponent(heading)) === true) return [];
        return [`${page}: there is no #${heading} in ${target}`];
      },
    ),
  );
  assert.deepEqual([...new Set(broken)], []);
});

test("llms.txt lists each page once, with what it is about, and the pages' own Markdown is there", (t) => {
  const docs = site(t);
  if (docs === undefined) return;
  const lines = [...docs.read("llms.txt").matchAll(/^- \[(.+)\]\((.+)\): (.*)$/gm)];
  const listed = lines.map(([, , path = ""]) => path.replace(/md$/, "html"));
  assert.deepEqual(
    listed.toSorted(),
    pagesOf(docs).filter((page) => page !== "index.html"),
  );
  assert.deepEqual(
    lines.filter(([, , path = "", about = ""]) => about.length < 10 || !docs.files.includes(path)),
    [],
  );
  const full = docs.read("llms-full.txt");
  for (const [, , path] of lines)
    assert.ok(full.includes(`<!-- ${path} -->`), `${path} is not in llms-full.txt`);
});

test("each exported name of each subpath has its entry in the reference", (t) => {
  const docs = site(t);
  if (docs === undefined) return;
  const { names } = publicNames(ROOT);
  const missing = names.filter(({ subpath, name }) => {
    const page = docs.read(`api/laneway${subpath.slice(1)}.md`).replaceAll("\\", "");
    return !new RegExp(`^### ${name}(\\(\\))?$`, "m").test(page);
  });
  assert.ok(names.length > 150, `only ${names.length} names`);
  assert.deepEqual(
    missing.map(({ subpath, name }) => `${subpath} ${name}`),
    [],
  );
});

test("each field of the schema and each command has its entry in the reference", (t) => {
  const docs = site(t);
  if (docs === undefined) return;
  const fields = docs.read("reference/policy-fields.md");
  const below = (section: string): string => fields.split(`\n## ${section}\n`)[1]?.split("\n## ")[0] ?? "";
  for (const [section, field] of [
    ["lanes", "queue.max"],
    ["trust", "callers[].upTo"],
    ["resources", "budgets.models.<name>.requests"],
    ["gateway", "drainTimeout"],
  ] as const)
    assert.ok(below(section).includes(`| \`${field}\` |`), `${section} ${field}`);
  const commands = docs.read("reference/commands.md");
  for (const command of ["gateway", "check", "explain", "run", "kubernetes", "simulate"])
    assert.match(commands, new RegExp(`^## ${command}\\n[^#]*Usage: laneway ${command}`, "m"));
});

test("the landing page shows the plot in its first screen, wide and on a phone, and no page complains", async (t) => {
  const docs = site(t);
  const browser = docs === undefined ? undefined : await chromium(t);
  if (docs === undefined || browser === undefined) return;
  const address = await served(t, docs);
  for (const [width, height] of [
    [1280, 800],
    [390, 844],
  ] as const) {
    const { page, complaints } = await opened(browser, address, { viewport: { width, height } });
    const plot = page.getByRole("img", { name: /600 batch calls/ });
    await plot.waitFor();
    const box = (await plot.boundingBox())!;
    assert.ok(
      box.y >= 0 && box.y + box.height <= height,
      `from ${box.y} to ${box.y + box.height} of ${height}`,
    );
    assert.ok(box.width > 300, `only ${box.width} wide`);
    assert.equal(await page.evaluate("document.images[document.images.length - 1].naturalWidth > 0"), true);
    for (const other of [
      "guides/ai-request-lanes",
      "explanation/why-not-strict-or-aging",
      "api/laneway",
      "limits",
    ]) {
      await page.goto(`${address}${other}.html`);
      await page.locator(".vp-doc h1").waitFor();
      const [content, window] = await page.evaluate<[number, number]>(
        "[document.documentElement.scrollWidth, innerWidth]",
      );
      assert.ok(content <= window, `${other} is ${content} wide in a window of ${window}`);
    }
    assert.deepEqual(complaints, []);
    await page.context().close();
  }
});
