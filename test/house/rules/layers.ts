import { posix } from "node:path";
import { importsOf, listCode, parseFile } from "../source.ts";

// What each part of src may import beside itself. One way only: core ← node ← policy ← providers ← calls, requests ←
// adapters ← gateway, verify ← cli. What adapters for calls out share and what those for requests in share know nothing
// of each other. The stand-in upstream of verify knows nothing of our side of the protocols.
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  node: ["core"],
  policy: ["core", "node"],
  providers: ["core", "node", "policy"],
  calls: ["core", "node", "policy", "providers"],
  requests: ["core", "node", "policy", "providers"],
  adapters: ["core", "node", "policy", "providers", "calls", "requests"],
  gateway: ["core", "node", "policy", "providers", "calls", "requests", "adapters"],
  verify: ["core", "node", "policy", "adapters"],
  cli: ["core", "node", "policy", "providers", "calls", "requests", "adapters", "gateway", "verify"],
  testing: ["core", "node"],
  dashboard: [],
  "index.ts": ["core", "node", "policy"],
};

// No package, no module of Node's: the core runs anywhere, and the dashboard in a browser.
const SELF_CONTAINED = new Set(["core", "dashboard"]);

/** Imports inside src that point the wrong way, reach out of src, or leave a part that must stand alone. */
export function importsAgainstTheLayers(root: string): string[] {
  return listCode(root, "src").flatMap((path) => {
    const part = partOf(path);
    if (MAY_IMPORT[part] === undefined)
      return [`${path}: src/${part} has no place in the layers; add it to MAY_IMPORT in ${HERE}`];
    return importsOf(parseFile(root, path)).flatMap(({ specifier, line }) => {
      const fault = faultOf(path, specifier);
      return fault === undefined ? [] : [`${path}:${line}: ${fault}`];
    });
  });
}

const HERE = "test/house/rules/layers.ts";

function faultOf(path: string, specifier: string | undefined): string | undefined {
  const part = partOf(path);
  if (specifier === undefined)
    return SELF_CONTAINED.has(part) ? `src/${part} imports a computed name` : undefined;
  if (specifier === "laneway" || specifier.startsWith("laneway/"))
    return `imports "${specifier}"; inside src, name the file`;
  if (!specifier.startsWith(".")) {
    return SELF_CONTAINED.has(part)
      ? `src/${part} imports nothing outside itself, but found "${specifier}"`
      : undefined;
  }
  const target = posix.join(posix.dirname(path), specifier);
  if (!target.startsWith("src/")) return `imports ${target}, which is outside src`;
  const targetPart = partOf(target);
  if (targetPart !== part) {
    const allowed = MAY_IMPORT[part] ?? [];
    const may = allowed.length === 0 ? "nothing outside itself" : allowed.join(", ");
    return allowed.includes(targetPart) ? undefined : `src/${part} may import ${may}, not ${target}`;
  }
  if (part === "adapters" && adapterOf(target) !== adapterOf(path))
    return `adapters never import each other, but found ${target}`;
  return undefined;
}

/** `core` of `src/core/limit/limit.ts`, `index.ts` of `src/index.ts`. */
function partOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function adapterOf(path: string): string {
  return (path.split("/")[2] ?? "").replace(/\.ts$/, "");
}
