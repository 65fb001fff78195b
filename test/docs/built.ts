/** The documentation site, built once for the tests of a file, and served as any file server would. */

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { portOf } from "../dashboard/browser.ts";
import { listFiles } from "../house/source.ts";
import { needsPackage } from "../needs.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const KINDS: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

/** A built site: its files, by their paths from its root. */
export interface Site {
  readonly files: readonly string[];
  read(path: string): string;
}

let built: Site | undefined;

/** The site, built at the first call; undefined where what builds it is not installed and the test is skipped. */
export function site(t: TestContext): Site | undefined {
  if (built !== undefined) return built;
  if (!needsPackage(t, "docs/site", "vitepress")) return undefined;
  const script = join(ROOT, "scripts/docs.ts");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(`the site was not built:\n${stdout}${stderr}`);
  const folder = join(ROOT, "docs/site/dist");
  built = {
    files: listFiles(folder),
    read: (path) => readFileSync(join(folder, path), "utf8"),
  };
  return built;
}

/** Serves a site until the test has ended; returns its address. */
export async function served(t: TestContext, { files }: Site): Promise<string> {
  const known = new Set(files);
  const server = createServer((req, res) => {
    const path = decodeURIComponent(new URL(req.url ?? "/", "http://site").pathname).slice(1) || "index.html";
    if (!known.has(path)) return void res.writeHead(404).end();
    res.setHeader("content-type", KINDS[extname(path)] ?? "application/octet-stream");
    res.end(readFileSync(join(ROOT, "docs/site/dist", path)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${portOf(server)}/`;
}
