/**
 * The live page: files that were built into the package, with the first view drawn into the first of them and the last
 * five minutes beside it, so that the first paint is complete and waits for no script. No script from elsewhere, and none
 * inside: the content security policy says so.
 */

import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";

/** A file of the page. */
export interface PageFile {
  readonly contentType: string;
  readonly body: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};
/** The same from the built package and from its sources. */
const FOLDER = new URL("../../dist/dashboard/", import.meta.url);
/** Where the first view goes, and where the data. */
const MARKS = /<!--laneway-(?:page|data)-->/;
/** Named by the build with a hash, or not asked for by anybody. */
const ASSET = /^assets\/[\w.-]+\.(js|css|svg)$/;

/** `style`: what may be styled by, as a policy names it. */
function headersWith(style: string): Readonly<Record<string, string>> {
  return {
    "content-security-policy": `default-src 'none'; script-src 'self'; style-src ${style}; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
    ...OTHER_HEADERS,
  };
}

const OTHER_HEADERS: Readonly<Record<string, string>> = {
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
};

function read(name: string): Buffer | undefined {
  try {
    return readFileSync(new URL(name, FOLDER));
  } catch {
    return undefined;
  }
}

/** What goes with each file of the page, and with the page when it was not built. */
export const FILE_HEADERS: Readonly<Record<string, string>> = headersWith("'self'");

/** The page without what is drawn into it. */
interface Shell {
  readonly parts: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

const STYLE_LINK = /<link rel="stylesheet"[^>]* href="\.\/([^"]+)"[^>]*>/;

/** With its style inside, by whose hash the policy knows it: asked for apart, it would keep the first paint waiting. */
function loadShell(): Shell | undefined {
  const html = read("index.html")?.toString("utf8");
  if (html === undefined) return undefined;
  const [link = "", name = ""] = STYLE_LINK.exec(html) ?? [];
  const style = name === "" ? undefined : read(name)?.toString("utf8");
  if (style === undefined) return { parts: html.split(MARKS), headers: FILE_HEADERS };
  const hash = createHash("sha256").update(style).digest("base64");
  const parts = html.replace(link, () => `<style>${style}</style>`).split(MARKS);
  return { parts, headers: headersWith(`'sha256-${hash}'`) };
}

let shell: Shell | undefined;

/** What the second build of the page exports: the first view as HTML, of the text of a `Snapshot`. */
interface Drawing {
  readonly draw: (data: string) => string;
}

let drawing: Promise<Drawing | undefined> | undefined;

/** Read once, with the first page that is asked for. Undefined: it was not built. */
async function loadDrawing(): Promise<Drawing | undefined> {
  const { href } = new URL("server.js", FOLDER);
  if (read("server.js") === undefined) return undefined;
  return (await import(href)) as Drawing;
}

/** The page, written anew when what it shows has changed, and kept for all who ask for it until then. */
export class Page {
  readonly #report: (error: unknown) => void;
  #data = "";
  #html: Buffer | undefined;

  /** Where the first view cannot be drawn, `report` is told why, and the page draws itself when its script has come. */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** With the text of a `Snapshot` inside, and what goes with it. Undefined: the page was not built. */
  async with(data: string): Promise<{ html: Buffer; headers: Shell["headers"] } | undefined> {
    shell ??= loadShell();
    if (shell === undefined) return undefined;
    drawing ??= loadDrawing();
    const drawn = await drawing.catch(this.#report);
    if (this.#html === undefined || data !== this.#data) {
      this.#html = Buffer.from(pageOf(shell.parts, this.#drawn(drawn ?? undefined, data), data));
      this.#data = data;
    }
    return { html: this.#html, headers: shell.headers };
  }

  #drawn(drawn: Drawing | undefined, data: string): string {
    try {
      return drawn?.draw(data) ?? "";
    } catch (error) {
      this.#report(error);
      return "";
    }
  }
}

function pageOf([before, between, after]: readonly string[], drawn: string, data: string): string {
  // A lane may be called `</script>`: in JSON the character can be written otherwise.
  const safe = data
    .replaceAll("<", "\\u003c")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
  return `${before}${drawn}${between}<script type="application/json" id="laneway-data">${safe}</script>${after}`;
}

const files = new Map<string, PageFile | undefined>();

/** A file of the built page; undefined when there is none of that name. */
export function assetOf(path: string): PageFile | undefined {
  if (!ASSET.test(path)) return undefined;
  if (!files.has(path)) {
    const body = read(path);
    // What is asked for and not there is not remembered: anybody may ask for anything.
    if (body === undefined) return undefined;
    files.set(path, { contentType: TYPES[path.slice(path.lastIndexOf(".") + 1)]!, body });
  }
  return files.get(path);
}

export function etagOf(body: Buffer): string {
  return `"${createHash("sha256").update(body).digest("base64url").slice(0, 16)}"`;
}
