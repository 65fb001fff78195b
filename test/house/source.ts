/** Reads the project's files for the rules in this folder: which there are, and their syntax trees. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync, visitorKeys } from "oxc-parser";
import type { Comment, EcmaScriptModule } from "oxc-parser";

/** The root of this clone. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** A node of the syntax tree, read loosely: the rules look at a few fields of a few types. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** One file with its syntax tree; paths are relative to the root, with forward slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly program: Node;
  readonly comments: readonly Comment[];
  readonly module: EcmaScriptModule;
  /** The line of an offset, from 1. */
  line(offset: number): number;
}

// What a build, an install or a run leaves behind; `.gitignore` names the same.
const NOT_OURS = new Set(["node_modules", "dist", ".git", ".tsbuild", "coverage", "laneway-demo"]);
const OUR_DOT_FOLDERS = new Set([".ci", ".github"]);

/** Every file of the project under a root, sorted; `under` narrows it to a folder, `pattern` to matching paths. */
export function listFiles(root: string, under = "", pattern: RegExp = /./): string[] {
  const found: string[] = [];
  const look = (folder: string): void => {
    let entries;
    try {
      entries = readdirSync(join(root, folder), { withFileTypes: true });
    } catch {
      return; // a part that is not there breaks no rule
    }
    for (const entry of entries) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        const hidden = entry.name.startsWith(".") && !OUR_DOT_FOLDERS.has(entry.name);
        if (!hidden && !NOT_OURS.has(entry.name)) look(path);
      } else if (entry.isFile() && !/\.(tgz|log)$/.test(entry.name) && pattern.test(path)) {
        found.push(path);
      }
    }
  };
  look(under);
  return found.sort();
}

/** The TypeScript of one folder, or of all of them. */
export function listCode(root: string, ...folders: string[]): string[] {
  return folders.flatMap((folder) => listFiles(root, folder, /\.[cm]?[jt]sx?$/));
}

/** The text of a file, or undefined when there is none. */
export function readText(root: string, path: string): string | undefined {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch {
    return undefined;
  }
}

const parsed = new Map<string, Source>();

/** Parses a file once; a syntax error is thrown, for no rule can be judged on a file that does not parse. */
export function parseFile(root: string, path: string): Source {
  const key = join(root, path);
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const text = readFileSync(key, "utf8");
  const { program, comments, module, errors } = parseSync(path, text);
  const error = errors[0];
  if (error !== undefined) throw new Error(`${path}: ${error.message}`);
  const source: Source = {
    path,
    text,
    program: program as unknown as Node,
    comments,
    module,
    line: (offset) => text.slice(0, offset).split("\n").length,
  };
  parsed.set(key, source);
  return source;
}

/** Where a node stands: its parent and the field of the parent that holds it. */
export interface Place {
  readonly parent: Node | undefined;
  readonly field: string;
}

/** Visits every node of a tree, parents first. */
export function walk(
  node: Node,
  visit: (node: Node, place: Place) => void,
  place: Place = { parent: undefined, field: "" },
): void {
  visit(node, place);
  for (const field of visitorKeys[node.type] ?? []) {
    const value = node[field];
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) walk(child, visit, { parent: node, field });
    }
  }
}

/** Whether a field of a node holds a node. */
export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value;
}

/** The name of an identifier (or of a private or quoted key), else undefined. */
export function nameOf(value: unknown): string | undefined {
  if (!isNode(value)) return undefined;
  if (value.type === "Identifier") return value["name"] as string;
  if (value.type === "Literal" && typeof value["value"] === "string") return value["value"];
  return undefined;
}

/** Whether an identifier reads a name from its scope, and is not a key, a member or a label that happens to be spelled alike. */
export function isReference(node: Node, { parent, field }: Place): boolean {
  if (node.type !== "Identifier" || parent === undefined) return false;
  if (field === "key" || field === "property") return parent["computed"] === true;
  if (parent.type === "TSQualifiedName") return field === "left";
  return !["label", "imported", "exported", "qualifier"].includes(field);
}

/** Every module that a file names: imports, re-exports, `import()` and `import("…")` types. `undefined` is not a literal. */
export function importsOf(
  source: Source,
): { readonly specifier: string | undefined; readonly line: number }[] {
  const found: { specifier: string | undefined; line: number }[] = [];
  walk(source.program, (node) => {
    const named = [
      "ImportDeclaration",
      "ExportNamedDeclaration",
      "ExportAllDeclaration",
      "ImportExpression",
      "TSImportType",
    ];
    if (!named.includes(node.type) || !isNode(node["source"])) return;
    const specifier = node["source"].type === "Literal" ? nameOf(node["source"]) : undefined;
    found.push({ specifier, line: source.line(node.start) });
  });
  return found;
}
