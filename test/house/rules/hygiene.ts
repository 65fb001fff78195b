import { dirname } from "node:path/posix";
import { listFiles, readText } from "../source.ts";

const TEXT =
  /\.(md|[cm]?[jt]s|json|ya?ml|sh|html|css|svg|txt|lua|toml|sql)$|(^|\/)(\.[a-z]+rc|\.ci\/[a-z]+|[A-Z]+|\.git(ignore|attributes)|Dockerfile)$/;

// Where people and machines keep their clones: none of them is on the reader's disk.
const MACHINE_PATH =
  /(?<![\w.@*/:-])(?:\/(?:home|Users|root|work|workspaces?|builds|mnt)\/[\w.-]+|[A-Z]:\\\\?Users)/g;

// The client knows its registry; a host in a file sends everybody to one that may not answer them.
const REGISTRY_HOST =
  /registry\.(?:npmjs|yarnpkg|npmmirror)\.\w+|npm\.pkg\.github\.com|proxy\.golang\.org|[\w.-]*artifactory[\w.-]*\.\w+/g;

/** Paths of one machine and hosts of registries, in any file of the project. */
export function pathsAndHostsOfOneMachine(root: string): string[] {
  return listFiles(root, "", TEXT).flatMap((path) => {
    const lines = (readText(root, path) ?? "").split("\n");
    return lines.flatMap((line, index) => [
      ...[...line.matchAll(MACHINE_PATH)].map(
        ([found]) => `${path}:${index + 1}: ${found} is a path of one machine`,
      ),
      ...[...line.matchAll(REGISTRY_HOST)].map(
        ([found]) => `${path}:${index + 1}: ${found} is a registry's host`,
      ),
    ]);
  });
}

/** Packages without a lock, locks that say where to download from, and folders whose next `npm install` would write it. */
export function unpinnedPackages(root: string): string[] {
  const faults: string[] = [];
  for (const path of listFiles(root, "", /(^|\/)package\.json$/)) {
    const folder = dirname(path);
    const manifest = JSON.parse(readText(root, path) ?? "{}") as Record<string, unknown>;
    if (manifest["dependencies"] === undefined && manifest["devDependencies"] === undefined) continue;
    const lock = readText(root, `${folder}/package-lock.json`);
    const settings = readText(root, `${folder}/.npmrc`) ?? "";
    if (folder !== "." && manifest["private"] !== true) faults.push(`${path}: a nested package is private`);
    if (lock === undefined) faults.push(`${folder}/package-lock.json: missing, so two installs may differ`);
    if (!/^omit-lockfile-registry-resolved=true$/m.test(settings)) {
      faults.push(`${folder}/.npmrc: needs the line omit-lockfile-registry-resolved=true`);
    }
  }
  for (const path of listFiles(root, "", /(^|\/)package-lock\.json$/)) {
    const lines = (readText(root, path) ?? "").split("\n");
    const line = lines.findIndex((text) => /^\s*"resolved":/.test(text));
    if (line >= 0)
      faults.push(`${path}:${line + 1}: carries "resolved"; install again under an .npmrc that omits it`);
  }
  return faults;
}
