import { posix } from "node:path";
import { isNode, nameOf, parseFile, readText } from "../source.ts";
import type { Node, Source } from "../source.ts";

/** A name that a subpath of the package exports, with the declaration behind it. */
export interface PublicName {
  readonly subpath: string;
  readonly name: string;
  readonly source: Source;
  /** The declaration: an interface, a class, a function, a declarator, … */
  readonly declaration: Node;
  /** The statement that the docstring stands before. */
  readonly statement: Node;
}

interface Manifest {
  readonly exports?: Readonly<Record<string, string | { readonly default?: string }>>;
}

/** Every name that package.json `exports` gives to users, through re-exports; `faults` are those that lead nowhere. */
export function publicNames(root: string): { names: PublicName[]; faults: string[] } {
  const manifest = JSON.parse(readText(root, "package.json") ?? "{}") as Manifest;
  const names: PublicName[] = [];
  const faults: string[] = [];
  for (const [subpath, target] of Object.entries(manifest.exports ?? {})) {
    const built = typeof target === "string" ? target : (target.default ?? "");
    if (!built.endsWith(".js")) continue;
    const path = built.replace("./dist/", "src/").replace(/\.js$/, ".ts");
    if (readText(root, path) === undefined) {
      faults.push(`package.json: exports "${subpath}" needs ${path}, which is not there`);
      continue;
    }
    for (const { exported, local, from } of exportsOf(parseFile(root, path))) {
      const found = resolve(root, path, from, local);
      if (found === undefined) faults.push(`${path}: found no declaration of "${exported}"`);
      else names.push({ subpath, name: exported, ...found });
    }
  }
  return { names, faults };
}

interface Export {
  readonly exported: string;
  readonly local: string;
  /** The module it is re-exported from; undefined for one of the file's own. */
  readonly from: string | undefined;
}

function exportsOf(source: Source): Export[] {
  return source.module.staticExports.flatMap(({ entries }) =>
    entries.map((entry) => ({
      exported: entry.exportName.name ?? "default",
      local: entry.importName.name ?? entry.localName.name ?? "",
      from: entry.moduleRequest?.value,
    })),
  );
}

type Found = Pick<PublicName, "source" | "declaration" | "statement">;

function resolve(root: string, path: string, from: string | undefined, name: string): Found | undefined {
  if (from !== undefined) {
    const target = posix.join(posix.dirname(path), from);
    if (readText(root, target) === undefined) return undefined;
    const next = exportsOf(parseFile(root, target)).find(({ exported }) => exported === name);
    return next === undefined ? undefined : resolve(root, target, next.from, next.local);
  }
  const source = parseFile(root, path);
  for (const statement of source.program["body"] as Node[]) {
    const declaration = declarationsIn(statement).find((candidate) => nameOf(candidate["id"]) === name);
    if (declaration !== undefined) return { source, declaration, statement };
  }
  return resolveImported(root, source, name);
}

/** `import { a } from "./a.ts"; export { a };` */
function resolveImported(root: string, source: Source, name: string): Found | undefined {
  for (const { moduleRequest, entries } of source.module.staticImports) {
    const entry = entries.find(({ localName }) => localName.value === name);
    if (entry !== undefined)
      return resolve(root, source.path, moduleRequest.value, entry.importName.name ?? "");
  }
  return undefined;
}

function declarationsIn(statement: Node): Node[] {
  const inner = statement.type === "ExportNamedDeclaration" ? statement["declaration"] : statement;
  if (!isNode(inner)) return [];
  return inner.type === "VariableDeclaration" ? (inner["declarations"] as Node[]) : [inner];
}
