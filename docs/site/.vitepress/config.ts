import { readFileSync } from "node:fs";
import { defineConfig } from "vitepress";
import type { DefaultTheme } from "vitepress";

// Written by scripts/docs.ts, like everything in that folder.
const pages = new URL("../.pages/", import.meta.url);
const sidebar = JSON.parse(readFileSync(new URL("nav.json", pages), "utf8")) as DefaultTheme.SidebarItem[];

/** A heading as links name it, on the site as where the repository is read. */
function headingName(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
    .replaceAll(" ", "-");
}

export default defineConfig({
  title: "Laneway",
  description: "Priority lanes for everything a Node service shares.",
  lang: "en",
  srcDir: ".pages",
  outDir: "dist",
  head: [["link", { rel: "icon", type: "image/svg+xml", href: "/mark.svg" }]],
  // Any file server can serve it, without rules of its own.
  cleanUrls: false,
  metaChunk: true,
  // The index of the search, which is fetched when somebody searches.
  vite: { build: { chunkSizeWarningLimit: 4_000 } },
  markdown: {
    anchor: { slugify: headingName },
    // The usual ones have too little contrast on the theme's background.
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  themeConfig: {
    logo: "/mark.svg",
    sidebar,
    outline: { level: [2, 3] },
    search: { provider: "local" },
    nav: [
      { text: "Tutorial", link: "/tutorial/ten-minutes" },
      { text: "How to", link: "/guides/protect-an-http-service", activeMatch: "^/guides/" },
      { text: "Why it works", link: "/explanation/how-it-decides", activeMatch: "^/(explanation/|limits)" },
      { text: "Reference", link: "/reference/policy", activeMatch: "^/(reference|api)/" },
    ],
    docFooter: { prev: "Before", next: "Next" },
  },
});
