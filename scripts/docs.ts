/**
 * Builds the documentation site into docs/site/dist. What is written by hand is taken from docs and the project's own pages;
 * the reference of the exports, of the policy's fields and of the commands is written from the sources.
 *
 *     npm run docs               builds it
 *     npm run docs -- --serve    builds it and serves it on 127.0.0.1:4173
 *
 * The first time installs what builds it, in docs/site; after that no network is needed, and none by the site itself.
 */

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { apiPages } from "./docs-api.ts";
import { commandsPage } from "./docs-commands.ts";
import { aboutPages, llmsFull, llmsIndex, plain } from "./docs-llms.ts";
import { LANDING, navOf } from "./docs-nav.ts";
import { writtenPages } from "./docs-pages.ts";
import type { SitePage } from "./docs-pages.ts";
import { policyPage } from "./docs-policy.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const SITE = join(ROOT, "docs/site");
const PAGES = join(SITE, ".pages");
const DIST = join(SITE, "dist");
const VITEPRESS = join(SITE, "node_modules/vitepress/bin/vitepress.js");

/** A table of five columns has no room beside the outline. */
const WIDE_TABLE = /^\|(?:[^|\n]+\|){5,}$/m;

if (!existsSync(VITEPRESS)) run("npm", ["ci", "--prefix", SITE]);
const pages = await allPages();
const about = aboutPages(readFileSync(join(ROOT, "docs/README.md"), "utf8"), pages);
const nav = navOf(new Map(pages.map(({ path, text }) => [path, titleOf(text)])));
writeSources();
run(process.execPath, [VITEPRESS, "build", SITE]);
for (const { path, text } of pages) write(join(DIST, path), plain(text));
write(join(DIST, "llms.txt"), llmsIndex(nav, about));
write(join(DIST, "llms-full.txt"), llmsFull(nav, pages));
console.log(`${pages.length} pages in docs/site/dist`);
if (process.argv.includes("--serve"))
  spawnSync(process.execPath, [VITEPRESS, "preview", SITE, "--host", "127.0.0.1"], { stdio: "inherit" });

async function allPages(): Promise<SitePage[]> {
  const written = writtenPages(ROOT);
  const titles = new Map(written.map(({ path, text }) => [path, titleOf(text)]));
  return [...written, policyPage(ROOT), await commandsPage(titles), ...(await apiPages(ROOT, titles))];
}

/** What VitePress builds from: the pages, the pictures beside them, and what is served as it is. */
function writeSources(): void {
  rmSync(PAGES, { recursive: true, force: true });
  for (const page of pages) write(join(PAGES, page.path), withFrontMatter(page));
  write(join(PAGES, "nav.json"), JSON.stringify(nav));
  cpSync(join(ROOT, "docs/images"), join(PAGES, "images"), { recursive: true });
  // What is linked and not shown keeps its address.
  for (const folder of ["images", "grafana"])
    cpSync(join(ROOT, "docs", folder), join(PAGES, "public", folder), { recursive: true });
  cpSync(join(SITE, "mark.svg"), join(PAGES, "public/mark.svg"));
  cpSync(join(ROOT, "schema.json"), join(PAGES, "public/schema.json"));
}

/** What a page is about is what search engines show of it. */
function withFrontMatter({ path, text }: SitePage): string {
  if (path === LANDING) return text;
  const wide = WIDE_TABLE.test(text) ? "\naside: false" : "";
  const line = `description: ${JSON.stringify(about.get(path))}${wide}`;
  return text.startsWith("---\n") ? text.replace("---\n", `---\n${line}\n`) : `---\n${line}\n---\n\n${text}`;
}

/** The heading of a page, as words. */
function titleOf(text: string): string {
  const title = /^# +(.*)$/m.exec(text)?.[1];
  if (title === undefined)
    throw new Error(`expected a heading "# …", found ${JSON.stringify(text.slice(0, 80))}`);
  return title.replaceAll("`", "");
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function run(program: string, args: readonly string[]): void {
  const { status, error } = spawnSync(program, args, { cwd: ROOT, stdio: "inherit" });
  if (error !== undefined) throw error;
  if (status !== 0)
    throw new Error(`${program} ${args.join(" ")} ended with ${status}; see its messages above`);
}
