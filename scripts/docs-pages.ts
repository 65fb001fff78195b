/** The pages of the site, made of the project's own: where each goes, and its links as the site has them. */

import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, extname, join, posix } from "node:path";

/** A page of the site: its path there, its Markdown, and the file of the project behind it, for messages. */
export interface SitePage {
  readonly path: string;
  readonly text: string;
  readonly from: string;
}

/** Pages of the project's root, under the names that the site gives them. */
const OF_THE_ROOT: Readonly<Record<string, string>> = {
  "ARCHITECTURE.md": "project/architecture.md",
  "BENCHMARKS.md": "project/benchmarks.md",
  "CHANGELOG.md": "project/changelog.md",
  "CONTRIBUTING.md": "project/contributing.md",
  "GLOSSARY.md": "project/glossary.md",
  "SECURITY.md": "project/security.md",
  "examples/README.md": "examples/index.md",
};

/** Folders and files that a link may name and that are no page; the site has them elsewhere. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "README.md": "index.md",
  "docs/README.md": "index.md",
  docs: "index.md",
  "docs/reference": "reference/policy.md",
  examples: "examples/index.md",
};

const FENCE = /^( *)(```+|~~~+)[^]*?^ *\2 *$/gm;

/** Every page that is written by hand, and one for each example, with links that lead to pages of the site. */
export function writtenPages(root: string): SitePage[] {
  const places = placesOf(root);
  const written = [...places].filter(([from]) => from.endsWith(".md"));
  const pages = written.map(([from, path]): SitePage => {
    const text = shown(root, readFileSync(join(root, from), "utf8"));
    return { path, from, text: withLinks(root, text, { from, path }, places) };
  });
  const taken = new Set(pages.map(({ path }) => path));
  return [...pages, ...listingPages(root, places).filter(({ path }) => !taken.has(path))];
}

/** Where the site has a file of the project, by its path there; a part of a page where it is one of several. */
function placesOf(root: string): Map<string, string> {
  const places = new Map<string, string>(listedPlaces(root));
  for (const from of filesUnder(root, "docs", /\.md$/))
    if (from !== "docs/README.md") places.set(from, from.slice("docs/".length));
  for (const [from, path] of Object.entries(OF_THE_ROOT))
    if (existsSync(join(root, from))) places.set(from, path);
  return places;
}

/** The files below a folder, hidden and installed ones left out, as paths from the root. */
export function filesUnder(root: string, folder: string, pattern: RegExp): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.name.startsWith(".") || entry.name === "node_modules" || entry.name === "dist") return [];
    if (entry.isDirectory()) return path === "docs/site" ? [] : filesUnder(root, path, pattern);
    return pattern.test(entry.name) ? [path] : [];
  });
}

/** A folder of files, or one file, that the site shows as a page of its own. */
interface Listing {
  readonly from: string;
  readonly path: string;
  readonly title: string;
  readonly files: readonly string[];
}

const SHOWN = /\.(ts|ya?ml|prisma|service|md)$|(^|\/)Dockerfile$/;

function listings(root: string): Listing[] {
  // What lies beside `npm install --prefix examples` is nobody's example.
  const names = readdirSync(join(root, "examples")).filter(
    (name) => !/^\.|^node_modules$|^package|\.md$/.test(name),
  );
  const all = [...names.map((name) => `examples/${name}`), "packaging"].filter((from) =>
    existsSync(join(root, from)),
  );
  return all.map((from) => {
    const title = basename(from, ".ts").replace(/\.ya?ml$/, "-policy");
    const files = statSync(join(root, from)).isDirectory() ? filesUnder(root, from, SHOWN) : [from];
    return { from, path: `examples/${title}.md`, title, files };
  });
}

/** What is shown of the project's files, each under a heading of its own. */
function listingPages(root: string, places: ReadonlyMap<string, string>): SitePage[] {
  return listings(root).map(({ from, path, title, files }) => {
    const notes = files.find((file) => file.endsWith("/README.md"));
    const head =
      notes === undefined
        ? `# ${title}\n\n${from === "packaging" ? "Files to start from." : `Run it from a clone, as [the list](README.md) says.`}\n`
        : readFileSync(join(root, notes), "utf8");
    const parts = files.filter((file) => file !== notes).map((file) => listing(root, file));
    const text = withLinks(root, shown(root, head), { from: notes ?? from, path }, places);
    return { path, from, text: `${[text.trimEnd(), ...parts].join("\n\n")}\n` };
  });
}

const LANGUAGES: Readonly<Record<string, string>> = { ".yml": "yaml", ".service": "ini", "": "dockerfile" };

function listing(root: string, file: string): string {
  const language = LANGUAGES[extname(file)] ?? extname(file).slice(1);
  const code = readFileSync(join(root, file), "utf8").replace(/^\/\/ example: .*\n/, "");
  return `## ${nameIn(file)}\n\n\`\`\`\`${language}\n${code.trimEnd()}\n\`\`\`\``;
}

/** A file's name as the heading of its part of the page. */
function nameIn(file: string): string {
  return file
    .split("/")
    .slice(file.startsWith("examples/") ? -1 : 1)
    .join("/");
}

/** A link to a file that is shown leads to its heading, one to its folder to the page. */
function listedPlaces(root: string): [string, string][] {
  return listings(root).flatMap(({ from, path, files }): [string, string][] => [
    [from, path],
    ...files
      .filter((file) => file !== from && !file.endsWith(".md"))
      .map((file): [string, string] => [file, `${path}#${headingName(nameIn(file))}`]),
  ]);
}

function headingName(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^a-z0-9_-]/g, "");
}

/** A page without what only tests read: the marks of its blocks, and comments. */
function shown(root: string, text: string): string {
  return text
    .replaceAll("<!-- figures of README.md -->", () => figuresOf(root))
    .replaceAll(/^( *)(```+|~~~+)(\w+) .*$/gm, "$1$2$3")
    .replaceAll(/<!--[^]*?-->\n?/g, "");
}

/** The measured figures, which `npm run bench` writes into the README. */
function figuresOf(root: string): string {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const found = /<!-- figures: [^]*?-->\n([^]*?)<!-- \/figures -->/.exec(readme)?.[1];
  if (found === undefined) throw new Error("README.md: expected the marks of the measured figures");
  return found.trimEnd();
}

/**
 * Links by the project's paths become links by the site's; what the site does not have becomes plain words. That the paths
 * lead to something is judged by the tests of the project's pages.
 */
function withLinks(
  root: string,
  text: string,
  page: { readonly from: string; readonly path: string },
  places: ReadonlyMap<string, string>,
): string {
  const leads = (target: string, heading: string): string | undefined => {
    if (target === "" || /^[a-z]+:/.test(target)) return target + heading;
    const file = posix.join(dirname(page.from), target).replace(/\/$/, "");
    const place = places.get(file) ?? ELSEWHERE[file] ?? assetOf(root, file);
    if (place === undefined) return undefined;
    const relative = posix.relative(dirname(page.path), place);
    const link = relative.startsWith(".") ? relative : `./${relative}`;
    return place.includes("#") ? link : link + heading;
  };
  const inProse = (prose: string): string =>
    prose
      .replaceAll(
        /\[([^\]]*)\]\(([^)\s#]*)(#[^)\s]*)?\)/g,
        (_, words: string, target: string, heading = "") => {
          const link = leads(target, heading);
          return link === undefined ? words : `[${words}](${link})`;
        },
      )
      .replaceAll(/<img src="([^"]*)"/g, (_, target: string) => `<img src="${leads(target, "") ?? target}"`);
  // What stands in a fence is code, and stays as it is.
  let at = 0;
  let result = "";
  for (const fence of text.matchAll(FENCE)) {
    result += inProse(text.slice(at, fence.index)) + fence[0];
    at = fence.index + fence[0].length;
  }
  return result + inProse(text.slice(at));
}

/** A file that is served as it is, at the path that it has below docs. */
function assetOf(root: string, file: string): string | undefined {
  const isFile =
    file.startsWith("docs/") && existsSync(join(root, file)) && statSync(join(root, file)).isFile();
  return isFile ? file.slice("docs/".length) : undefined;
}
