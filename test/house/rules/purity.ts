import { isReference, listCode, nameOf, parseFile, walk } from "../source.ts";
import type { Node, Place } from "../source.ts";

// Time, chance and I/O are arguments of the core: whatever it may not reach for itself, under any name that leads there.
const FORBIDDEN = new Set([
  ..."Date performance process setTimeout setInterval setImmediate clearTimeout clearInterval queueMicrotask".split(
    " ",
  ),
  ..."crypto console fetch require globalThis global window self eval".split(" "),
]);

/** Uses of a clock, a timer, chance or the process in src/core, by identifier: a comment or a property may say `Date`. */
export function impureNamesInCore(root: string): string[] {
  return listCode(root, "src/core").flatMap((path) => {
    const source = parseFile(root, path);
    const found: string[] = [];
    walk(source.program, (node, place) => {
      const name = impurity(node, place);
      if (name !== undefined)
        found.push(`${path}:${source.line(node.start)}: src/core uses ${name}; take it as an argument`);
    });
    return found;
  });
}

function impurity(node: Node, place: Place): string | undefined {
  if (!isReference(node, place)) return undefined;
  const name = nameOf(node) ?? "";
  if (FORBIDDEN.has(name)) return name;
  const member =
    place.field === "object" && place.parent?.["computed"] !== true
      ? nameOf(place.parent?.["property"])
      : undefined;
  // `Math` may only be read as `Math.max` and the like: any other use could hide `random`.
  if (name === "Math" && (member === undefined || member === "random"))
    return `Math.${member ?? "random, perhaps"}`;
  return name === "AbortSignal" && member === "timeout" ? "AbortSignal.timeout" : undefined;
}
