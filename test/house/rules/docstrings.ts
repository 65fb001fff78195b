import { isNode, nameOf } from "../source.ts";
import type { Node, Source } from "../source.ts";
import { publicNames } from "./public-names.ts";

/** Public names, and public methods of public classes, without a docstring directly before them. */
export function undocumentedNames(root: string): string[] {
  const { names, faults } = publicNames(root);
  const found = names.flatMap(({ subpath, name, source, declaration, statement }) => {
    const from = subpath === "." ? "laneway" : `laneway/${subpath.slice(2)}`;
    const own = hasDocstring(source, statement) ? [] : [fault(source, statement, `${name} of "${from}"`)];
    const methods = methodsOf(declaration).filter((method) => !hasDocstring(source, method));
    return [...own, ...methods.map((method) => fault(source, method, `${name}.${nameOf(method["key"])}`))];
  });
  return [...new Set([...faults, ...found])];
}

function fault(source: Source, node: Node, name: string): string {
  return `${source.path}:${source.line(node.start)}: ${name} has no docstring directly before it`;
}

/** A docstring, with nothing but space between it and the statement. */
function hasDocstring(source: Source, node: Node): boolean {
  return source.comments.some(
    ({ type, value, end }) =>
      type === "Block" &&
      value.startsWith("*") &&
      /[a-z]/i.test(value) &&
      end <= node.start &&
      source.text.slice(end, node.start).trim() === "",
  );
}

/** The public methods and accessors of a class; overloads and overrides speak through their first declaration. */
function methodsOf(declaration: Node): Node[] {
  const body = declaration["body"];
  if (declaration.type !== "ClassDeclaration" || !isNode(body)) return [];
  const seen = new Set<string>();
  return (body["body"] as Node[]).filter((member) => {
    const name = nameOf(member["key"]);
    if (!["MethodDefinition", "TSAbstractMethodDefinition"].includes(member.type) || name === undefined)
      return false;
    const hidden =
      member["kind"] === "constructor" ||
      member["accessibility"] === "private" ||
      member["override"] === true;
    if (hidden || member["computed"] === true || name.startsWith("_") || seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}
