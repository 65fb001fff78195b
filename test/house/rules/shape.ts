import { isNode, listCode, nameOf, parseFile, walk } from "../source.ts";
import type { Node, Source } from "../source.ts";

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;

// Longer on purpose, each with its reason: `path` for a file, `path name` for a function.
const MAY_BE_LONG: Readonly<Record<string, string>> = {};

const CODE = ["src", "test", "bench", "scripts", "examples"];
const VAGUE_FILE = /(^|\/)(types|utils?|helpers?|constants|common|misc)\.[cm]?[jt]s$/;

/** `export *` and default exports: each public name is listed where it leaves its file. */
export function exportsWithoutName(root: string): string[] {
  return inEachNode(root, ["src"], (node) => {
    if (node.type === "ExportAllDeclaration") return "`export *`; list the names one by one";
    return node.type === "ExportDefaultDeclaration" ? "a default export; give it a name" : undefined;
  });
}

/** Syntax that Node 22 or type stripping cannot run. */
export function syntaxThatNodeCannotRun(root: string): string[] {
  const everywhere = inEachNode(root, CODE, (node, source) => {
    if (node.type === "TSEnumDeclaration")
      return "an enum; use a union of strings, which type stripping can drop";
    if (node.type === "TSParameterProperty") return "a parameter property; declare the field and assign it";
    const namespace =
      node.type === "TSModuleDeclaration" && isNode(node["id"]) && node["id"].type === "Identifier";
    return namespace && !source.text.startsWith("declare", node.start)
      ? "a namespace; use a module"
      : undefined;
  });
  const inSource = inEachNode(root, ["src"], (node) => {
    const disposes =
      node.type === "VariableDeclaration" && ["using", "await using"].includes(String(node["kind"]));
    return disposes ? "a `using` statement, which Node 22 cannot parse; release in a `finally`" : undefined;
  });
  return [...everywhere, ...inSource];
}

/** Files whose name says nothing of what is in them. */
export function vagueFileNames(root: string): string[] {
  return listCode(root, ...CODE)
    .filter((path) => VAGUE_FILE.test(path))
    .map((path) => `${path}: name the file after what it holds`);
}

/** Files past 400 lines, and functions past 70 outside the tests, whose bodies are lists of cases. */
export function longFilesAndFunctions(
  root: string,
  mayBeLong: Readonly<Record<string, string>> = MAY_BE_LONG,
): string[] {
  const long = new Map<string, string>();
  for (const path of listCode(root, ...CODE)) {
    const source = parseFile(root, path);
    const lines = source.line(source.text.trimEnd().length);
    if (lines > FILE_LINES_MAX)
      long.set(path, `${path}: ${lines} lines, more than ${FILE_LINES_MAX}; split it by what its parts do`);
    if (path.startsWith("test/")) continue;
    for (const { name, line, length } of functionsOf(source)) {
      if (length <= FUNCTION_LINES_MAX) continue;
      long.set(
        `${path} ${name}`,
        `${path}:${line}: ${name} has ${length} lines, more than the ${FUNCTION_LINES_MAX} of a screen`,
      );
    }
  }
  const stale = Object.keys(mayBeLong).filter((key) => !long.has(key));
  return [
    ...[...long].flatMap(([key, message]) => (mayBeLong[key] === undefined ? [message] : [])),
    ...stale.map((key) => `${key}: listed as long on purpose, but it is not; take it off the list`),
  ];
}

function functionsOf(source: Source): { name: string; line: number; length: number }[] {
  const found: { name: string; line: number; length: number }[] = [];
  walk(source.program, (node, { parent }) => {
    if (!["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"].includes(node.type)) return;
    const line = source.line(node.start);
    const name = nameOf(node["id"]) ?? nameOf(parent?.["key"]) ?? nameOf(parent?.["id"]) ?? "a function";
    found.push({ name, line, length: source.line(node.end) - line + 1 });
  });
  return found;
}

function inEachNode(
  root: string,
  folders: string[],
  fault: (node: Node, source: Source) => string | undefined,
): string[] {
  return listCode(root, ...folders).flatMap((path) => {
    const source = parseFile(root, path);
    const found: string[] = [];
    walk(source.program, (node) => {
      const message = fault(node, source);
      if (message !== undefined) found.push(`${path}:${source.line(node.start)}: ${message}`);
    });
    return found;
  });
}
