import { isNode, nameOf, parseFile, readText, walk } from "../source.ts";
import type { Node } from "../source.ts";

const TABLE = "src/core/errors.ts";
const PAGE = "docs/reference/errors.md";

/** Codes and reasons that the code knows and the page does not, or the other way round. */
export function undocumentedErrors(root: string): string[] {
  const known = codesInTable(root);
  const documented = codesOnPage(readText(root, PAGE) ?? "");
  if (known.size === 0) return [`${TABLE}: found no REASONS table`];
  return [
    ...missing(known, documented).map(
      (name) => `${PAGE}: ${name} is in REASONS of ${TABLE} and not on the page`,
    ),
    ...missing(documented, known).map(
      (name) => `${TABLE}: ${name} is on the page ${PAGE} and not in REASONS`,
    ),
  ];
}

/** Codes on the left that the right lacks, and reasons of codes that both have. */
function missing(left: ReadonlyMap<string, Set<string>>, right: ReadonlyMap<string, Set<string>>): string[] {
  return [...left].flatMap(([code, reasons]) => {
    const others = right.get(code);
    if (others === undefined) return [code];
    return [...reasons].filter((reason) => !others.has(reason)).map((reason) => `${code} ${reason}`);
  });
}

/** `export const REASONS = { CODE: ["reason", …], … }`, whatever `as const` or `satisfies` stands around it. */
function codesInTable(root: string): Map<string, Set<string>> {
  const codes = new Map<string, Set<string>>();
  walk(parseFile(root, TABLE).program, (node) => {
    if (node.type !== "VariableDeclarator" || nameOf(node["id"]) !== "REASONS") return;
    let value = node["init"];
    while (isNode(value) && value.type !== "ObjectExpression") value = value["expression"];
    if (!isNode(value)) return;
    for (const property of value["properties"] as Node[]) {
      const reasons = (property["value"] as Node)["elements"] as Node[];
      codes.set(nameOf(property["key"]) ?? "?", new Set(reasons.map((reason) => nameOf(reason) ?? "?")));
    }
  });
  return codes;
}

/** A heading a code, and under it a table whose rows begin with a reason: ``| `lane-full` | …``. */
function codesOnPage(page: string): Map<string, Set<string>> {
  const codes = new Map<string, Set<string>>();
  let reasons: Set<string> | undefined;
  for (const line of page.split("\n")) {
    if (/^#+ /.test(line)) {
      const code = /^#+ `?(LANEWAY_[A-Z_]+)`?\s*$/.exec(line)?.[1];
      reasons = code === undefined ? undefined : new Set();
      if (code !== undefined && reasons !== undefined) codes.set(code, reasons);
    }
    const reason = /^\| `([a-z-]+)` \|/.exec(line)?.[1];
    if (reason !== undefined) reasons?.add(reason);
  }
  return codes;
}
