/**
 * The live page: files that were built into the package, and the last five minutes inside the first of them, so that the
 * first paint is complete. No script from elsewhere, and none inside: the content security policy says so.
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
const MARK = "<!--laneway-data-->";
/** Named by the build with a hash, or not asked for by anybody. */
const ASSET = /^assets\/[\w.-]+\.(js|css|svg)$/;

export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
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

let shell: { readonly before: string; readonly after: string } | undefined;

/** The page with the data inside. Undefined: it was not built. */
export function pageWith(data: string): string | undefined {
  if (shell === undefined) {
    const [before, after] = read("index.html")?.toString("utf8").split(MARK) ?? [];
    if (before === undefined || after === undefined) return undefined;
    shell = { before, after };
  }
  // A lane may be called `</script>`: in JSON the character can be written otherwise.
  const safe = data
    .replaceAll("<", "\\u003c")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
  return `${shell.before}<script type="application/json" id="laneway-data">${safe}</script>${shell.after}`;
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
