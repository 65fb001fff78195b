import { posix } from "node:path";
import { importsOf, listCode, parseFile } from "../source.ts";

// What each part of src may import beside itself. One way only: core ← node ← policy ← providers ← calls, requests ←
// adapters ← gateway, verify ← cli; what operators see (admin) and what monitoring reads (metrics) stand beside the
// requests. What adapters for calls out share and what those for requests in share know nothing of each other. The stand-in upstream of verify knows nothing of our side of the protocols.
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  node: ["core"],
  policy: ["core", "node"],
  providers: ["core", "node", "policy"],
  calls: ["core", "node", "policy", "providers"],
  requests: ["core", "node", "policy", "providers"],
  admin: ["core", "node", "policy"],
  metrics: ["core", "node", "policy"],
  adapters: ["core", "node", "policy", "admin", "metrics", "providers", "calls", "requests"],
  gateway: ["core", "node", "policy", "admin", "metrics", "providers", "calls", "requests", "adapters"],
  verify: ["core", "node", "policy", "adapters"],
  cli: [
    "core",
    "node",
    "policy",
    "admin",
    "metrics",
    "providers",
    "calls",
    "requests",
    "adapters",
    "gateway",
    "verify",
  ],
  testing: ["core", "node"],
  dashboard: ["policy", "admin"],
  "index.ts": ["core", "node", "policy"],
};

// No package, no module of Node's: the core runs anywhere.
const SELF_CONTAINED = new Set(["core"]);

// The page runs in a browser, so nothing of Node's may come with what it imports: these packages, and of our own these
// files, which import nothing but types. Everything else it is told over HTTP.
const IN_THE_PAGE = new Set(["preact", "preact/hooks", "@preact/signals", "uplot"]);
// The one file that draws the page where it is served; of the page's own files none imports it.
const DRAWS_THE_PAGE = "src/dashboard/server.tsx";
const FOR_DRAWING = "preact-render-to-string";
const FOR_THE_PAGE = new Set([
  "src/admin/overrides.ts",
  "src/admin/verdict.ts",
  "src/admin/wire.ts",
  "src/policy/overrides.ts",
]);

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
    if (path === DRAWS_THE_PAGE && specifier === FOR_DRAWING) return undefined;
    if (part === "dashboard" && !IN_THE_PAGE.has(specifier))
      return `src/dashboard may import ${[...IN_THE_PAGE].join(", ")}, not "${specifier}"`;
    return SELF_CONTAINED.has(part)
      ? `src/${part} imports nothing outside itself, but found "${specifier}"`
      : undefined;
  }
  const target = posix.join(posix.dirname(path), specifier);
  if (!target.startsWith("src/")) return `imports ${target}, which is outside src`;
  const targetPart = partOf(target);
  if (target === DRAWS_THE_PAGE)
    return `${DRAWS_THE_PAGE} is for the server: the page's script must not hold it`;
  if (part === "dashboard" && targetPart !== part && !FOR_THE_PAGE.has(target))
    return `src/dashboard may import ${[...FOR_THE_PAGE].join(", ")}, not ${target}`;
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
