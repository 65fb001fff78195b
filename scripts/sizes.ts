/**
 * What each subpath adds to a bundle, as a table: `node scripts/sizes.ts`, after a build; `--write` puts it into its page. Built
 * by Vite as a bundle for Node, minified; Node's own modules and optional peers are not part of it.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import type { Rolldown } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PAGE = new URL("../docs/reference/stability.md", import.meta.url);
const TABLE = /(?<=<!-- sizes -->\n)[^]*?(?=\n<!-- \/sizes -->)/;

/** What a subpath costs, in bytes. */
export interface Size {
  readonly subpath: string;
  /** Loaded when it is imported: minified, and that gzipped. */
  readonly minified: number;
  readonly gzipped: number;
  /** The same with all that it may load later, the reader of policy files say. Gzipped. */
  readonly whole: number;
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")) as Manifest;
}

/** The sizes of all subpaths, in the order of `exports`. */
export async function sizes(): Promise<Size[]> {
  const { exports, peerDependencies } = manifest();
  const peers = Object.keys(peerDependencies);
  const measured: Size[] = [];
  for (const [path, target] of Object.entries(exports)) {
    if (typeof target === "string") continue;
    measured.push(await sizeOf(path.replace(/^\./, "laneway"), `${ROOT}${target.default}`, peers));
  }
  return measured;
}

async function sizeOf(subpath: string, file: string, peers: readonly string[]): Promise<Size> {
  const built = (await build({
    configFile: false,
    root: ROOT,
    logLevel: "error",
    ssr: { noExternal: true, external: [...peers] },
    build: {
      ssr: file,
      write: false,
      minify: true,
      target: "node22",
      rolldownOptions: { output: { format: "es" } },
    },
  })) as Rolldown.RolldownOutput;
  const chunks = new Map(
    built.output.flatMap((chunk) => (chunk.type === "chunk" ? [[chunk.fileName, chunk]] : [])),
  );
  const entry = [...chunks.values()].find(({ isEntry }) => isEntry)!;
  const atOnce = new Set<string>();
  const take = (name: string): void => {
    const chunk = chunks.get(name);
    if (chunk === undefined || atOnce.has(name)) return;
    atOnce.add(name);
    for (const next of chunk.imports) take(next);
  };
  take(entry.fileName);
  const codeOf = (names: Iterable<string>): string =>
    [...names].map((name) => chunks.get(name)!.code).join("\n");
  const first = codeOf(atOnce);
  return {
    subpath,
    minified: Buffer.byteLength(first),
    gzipped: gzipSync(first).length,
    whole: gzipSync(codeOf(chunks.keys())).length,
  };
}

const kilobytes = (bytes: number): string => `${(bytes / 1_000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;

/** The sizes as a table in Markdown. */
export function tableOf(measured: readonly Size[]): string {
  const rows = measured.map(
    ({ subpath, minified, gzipped, whole }) =>
      `| \`${subpath}\` | ${kilobytes(minified)} | ${kilobytes(gzipped)} | ${kilobytes(whole)} |`,
  );
  return [
    "| subpath | minified | gzipped | with what it loads later, gzipped |",
    "| --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/** The table that stands on the page. */
export function shownTable(): string {
  return TABLE.exec(readFileSync(PAGE, "utf8"))?.[0] ?? "";
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const table = tableOf(await sizes());
  if (process.argv.includes("--write")) writeFileSync(PAGE, readFileSync(PAGE, "utf8").replace(TABLE, table));
  else console.log(table);
}
