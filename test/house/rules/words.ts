import { listCode, nameOf, parseFile, readText, walk } from "../source.ts";
import type { Node, Place } from "../source.ts";

const GLOSSARY = "GLOSSARY.md";

/** Names that leave their file and use a word for which the glossary has another, or a form that says nothing. */
export function wordsOutsideTheGlossary(root: string): string[] {
  const banned = bannedWords(readText(root, GLOSSARY) ?? "");
  if (banned.size === 0) return [`${GLOSSARY}: found no table with a column of words not to use`];
  return listCode(root, "src").flatMap((path) => {
    const source = parseFile(root, path);
    const found: string[] = [];
    for (const statement of source.program["body"] as Node[]) {
      if (statement.type !== "ExportNamedDeclaration") continue;
      walk(statement, (node, place) => {
        for (const name of declaredNames(node, place)) {
          const reason = objection(name, node, banned);
          if (reason !== undefined) found.push(`${path}:${source.line(node.start)}: "${name}": ${reason}`);
        }
      });
    }
    return found;
  });
}

/** The names that a node declares for readers elsewhere: an export itself, a member of an exported type or class. */
function declaredNames(node: Node, { parent, field }: Place): string[] {
  const isMember = [
    "TSPropertySignature",
    "TSMethodSignature",
    "PropertyDefinition",
    "MethodDefinition",
  ].includes(node.type);
  if (isMember && node["accessibility"] !== "private")
    return [nameOf(node["key"])].filter((name) => name !== undefined);
  if (node.type === "ExportSpecifier") return [nameOf(node["exported"])].filter((name) => name !== undefined);
  const isExport = parent?.type === "ExportNamedDeclaration" && field === "declaration";
  if (!isExport) return [];
  const declarations = node.type === "VariableDeclaration" ? (node["declarations"] as Node[]) : [node];
  return declarations.map(({ id }) => nameOf(id)).filter((name) => name !== undefined);
}

function objection(name: string, node: Node, banned: ReadonlyMap<string, string>): string | undefined {
  for (const word of wordsOf(name)) {
    const instead = banned.get(word) ?? (word.endsWith("s") ? banned.get(word.slice(0, -1)) : undefined);
    if (instead !== undefined) return `${GLOSSARY} says "${instead}", not "${word}"`;
  }
  if (name.endsWith("Manager")) return "says nothing of what it does";
  return node.type === "TSInterfaceDeclaration" && /^I[A-Z][a-z]/.test(name)
    ? "interfaces bear no prefix"
    : undefined;
}

/** `queueMax` is queue and max, `LANE_MAX` lane and max. */
function wordsOf(name: string): string[] {
  return name
    .split(/[^A-Za-z]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)
    .map((word) => word.toLowerCase());
}

/** From the glossary's tables: a word in bold in the first column, and in the last one, in backticks, those not to use. */
function bannedWords(page: string): Map<string, string> {
  const banned = new Map<string, string>();
  for (const line of page.split("\n")) {
    const cells = line.split("|").slice(1, -1);
    const word = /\*\*([^*]+)\*\*/.exec(cells[0] ?? "")?.[1];
    if (word === undefined) continue;
    for (const [, other] of (cells.at(-1) ?? "").matchAll(/`([a-z]+)`/g)) banned.set(other ?? "", word);
  }
  return banned;
}
