/**
 * Prints what the package is made of, as CycloneDX: `node scripts/sbom.ts > sbom.cdx.json`. By the lock, with the licence and
 * the digest of each: what is installed with it, and what the live page has inside. `npm sbom` leaves out dependencies that
 * some other package of the tree names as an optional peer, yaml and zod here.
 */

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const ROOT = new URL("..", import.meta.url);

/** What a lock says of one package. */
interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface Component {
  readonly type: "library";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly unknown[];
  readonly hashes?: readonly unknown[];
  readonly scope?: "required";
}

/** The list, for a release and its test. */
export interface Sbom {
  readonly bomFormat: "CycloneDX";
  readonly specVersion: "1.5";
  readonly version: 1;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

/** The names of the packages whose code the build of the live page took in, as it says in their licences. */
function bundledNames(): string[] {
  return [...read("dist/dashboard/licenses.md").matchAll(/^## (.+) - \d[^\s]*/gm)].map(([, name]) => name!);
}

function componentOf(name: string, { version, integrity, license }: Locked): Component {
  const [algorithm, digest] = integrity?.split("-", 2) ?? [];
  const content = digest === undefined ? "" : Buffer.from(digest, "base64").toString("hex");
  return {
    type: "library",
    "bom-ref": `${name}@${version}`,
    name,
    version,
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    ...(license === undefined ? {} : { licenses: [{ license: { id: license } }] }),
    ...(algorithm === "sha512" ? { hashes: [{ alg: "SHA-512", content }] } : {}),
  };
}

/** The list by the lock in force. Throws an Error for a package that the lock does not hold at its top. */
export function sbom(): Sbom {
  const { packages } = JSON.parse(read("package-lock.json")) as {
    readonly packages: Readonly<Record<string, Locked & { readonly name?: string }>>;
  };
  const own = packages[""]!;
  const bundled = bundledNames();
  const found = new Map<string, Locked>();
  const take = (name: string): void => {
    if (found.has(name)) return;
    const locked = packages[`node_modules/${name}`];
    if (locked === undefined) throw new Error(`package-lock.json: expected node_modules/${name}, found none`);
    found.set(name, locked);
    for (const next of Object.keys(locked.dependencies ?? {})) take(next);
  };
  const direct = [...Object.keys(own.dependencies ?? {}), ...bundled];
  for (const name of direct) take(name);
  const refOf = (name: string): string => `${name}@${found.get(name)!.version}`;
  const component = componentOf(own.name ?? "laneway", own);
  const inside = [...found].sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: { component },
    components: inside.map(([name, locked]) => ({ ...componentOf(name, locked), scope: "required" })),
    dependencies: [
      { ref: component["bom-ref"], dependsOn: direct.map(refOf) },
      ...inside.map(([name, { dependencies = {} }]) => ({
        ref: refOf(name),
        dependsOn: Object.keys(dependencies).map(refOf),
      })),
    ],
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  process.stdout.write(`${JSON.stringify(sbom(), undefined, 2)}\n`);
