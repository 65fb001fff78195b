/** Copies of a package that one program can meet: by what its packages depend on, each found as Node finds it. */

import { realpathSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { read } from "../../adapters/process/host.ts";

/** A package, by its real folder. */
export interface Copy {
  readonly name: string;
  readonly version: string;
  /** As seen from the program. */
  readonly folder: string;
}

interface Manifest {
  readonly version?: unknown;
  readonly dependencies?: object;
  readonly optionalDependencies?: object;
  readonly peerDependencies?: object;
  readonly devDependencies?: object;
}

/** All copies of these packages, each real folder once; none where there is no package.json above `cwd`. */
export function copiesOf(names: readonly string[], cwd: string): Copy[] {
  const root = above(cwd).find((folder) => manifestIn(folder) !== undefined);
  if (root === undefined) return [];
  const seen = new Set<string>();
  const left = [real(root)!];
  const found: Copy[] = [];
  for (let folder = left.pop(); folder !== undefined; folder = left.pop()) {
    if (seen.has(folder)) continue;
    seen.add(folder);
    const manifest = manifestIn(folder);
    if (manifest === undefined) continue;
    for (const name of dependenciesOf(manifest, folder === real(root))) {
      const resolved = above(folder)
        .map((each) => real(join(each, "node_modules", name)))
        .find((each) => each !== undefined);
      if (resolved === undefined || seen.has(resolved)) continue;
      left.push(resolved);
      if (names.includes(name) && !found.some((copy) => copy.folder === resolved))
        found.push({ name, version: versionOf(resolved), folder: resolved });
    }
  }
  return found.map((copy) => ({ ...copy, folder: relative(real(root)!, copy.folder) }));
}

/** What the program itself is developed with may run in it too, in its tests say. */
function dependenciesOf(manifest: Manifest, isRoot: boolean): string[] {
  const { dependencies, optionalDependencies, peerDependencies, devDependencies } = manifest;
  const all = [dependencies, optionalDependencies, peerDependencies, isRoot ? devDependencies : undefined];
  return all.flatMap((each) => Object.keys(each ?? {}));
}

function versionOf(folder: string): string {
  const { version } = manifestIn(folder) ?? {};
  return typeof version === "string" ? version : "of no version";
}

function manifestIn(folder: string): Manifest | undefined {
  try {
    const manifest: unknown = JSON.parse(read(join(folder, "package.json")) ?? "");
    return typeof manifest === "object" && manifest !== null ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** A folder and all above it. */
function above(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...above(parent)];
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
