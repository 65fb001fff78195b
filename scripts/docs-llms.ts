/** The site for readers that are programs: `llms.txt` with a line for each page, and `llms-full.txt` with all of them. */

import type { NavItem } from "./docs-nav.ts";
import type { SitePage } from "./docs-pages.ts";

const SUMMARY =
  "Priority lanes for everything a Node service shares: payments and chat go first, exports and batches use exactly what is left.";

/** The list of all pages, in the site's order, each with what it is about. Links lead to the pages' own Markdown. */
export function llmsIndex(nav: readonly NavItem[], about: ReadonlyMap<string, string>): string {
  const sections = nav.map(({ text, items = [] }) => {
    const lines = items.map((item) => {
      const path = `${item.link?.slice(1)}.md`;
      return `- [${item.text}](${path}): ${about.get(path) ?? ""}`;
    });
    return `## ${text}\n\n${lines.join("\n")}`;
  });
  return `# Laneway\n\n> ${SUMMARY}\n\nNode 22.19 or newer, \`npm install laneway\`. All pages in one file: [llms-full.txt](llms-full.txt)\n\n${sections.join("\n\n")}\n`;
}

/** All pages, one after the other, in the site's order. */
export function llmsFull(nav: readonly NavItem[], pages: readonly SitePage[]): string {
  const texts = new Map(pages.map(({ path, text }) => [path, text]));
  const paths = nav.flatMap(({ items = [] }) => items.map(({ link }) => `${link?.slice(1)}.md`));
  return paths.map((path) => `<!-- ${path} -->\n\n${plain(texts.get(path) ?? "")}`).join("\n\n");
}

/** A page without what is for the site's program alone. */
export function plain(text: string): string {
  return text.replace(/^---\n[^]*?\n---\n+/, "").trimEnd() + "\n";
}

/** What each page is about: what `docs/README.md` sends readers there for, else its first sentence. */
export function aboutPages(list: string, pages: readonly SitePage[]): Map<string, string> {
  const about = new Map(pages.map(({ path, text }) => [path, firstSentence(text)]));
  for (const [, wish = "", path = ""] of list.matchAll(/^\| (.+?) \| \[.*\]\((.+\.md)\) \|$/gm))
    if (about.has(path)) about.set(path, `When you want to ${wish}.`);
  return about;
}

/** The first sentence, as words. */
function firstSentence(text: string): string {
  const prose = plain(text)
    .replaceAll(/^ *(```+)[^]*?^ *\1.*$/gm, "")
    .split(/\n{2,}/)
    .map((paragraph) => paragraph.replaceAll("\n", " ").trim())
    .find((paragraph) => /^[A-Za-z"`[*]/.test(paragraph) && !paragraph.startsWith("```"));
  const words = (prose ?? "")
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll(/[`*]/g, "")
    .replaceAll(/\\(.)/g, "$1");
  return /^.*?[.!?:](?= [A-Z]|$)/.exec(words)?.[0].replace(/:$/, ".") ?? words;
}
