/**
 * The reference of the package's exports, from their types and docstrings, by TypeDoc: one page for each subpath. TypeDoc
 * reads with a TypeScript of its own, from docs/site, since it does not know the newest one.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SitePage } from "./docs-pages.ts";

/** A package of docs/site, like its plugin for Markdown. */
const TYPEDOC = "typedoc";

/** What is used of TypeDoc. */
interface TypeDoc {
  readonly Application: {
    bootstrapWithPlugins(options: Readonly<Record<string, unknown>>): Promise<{
      convert(): Promise<Project | undefined>;
      generateOutputs(project: Project): Promise<void>;
      readonly logger: { hasErrors(): boolean };
    }>;
  };
}

interface Project {
  readonly children?: readonly { name: string }[];
}

/** The pages that say more of a subpath than its docstrings do. */
const MORE: Readonly<Record<string, readonly string[]>> = {
  laneway: ["guides/lanes-in-code.md", "reference/errors.md", "reference/policy.md"],
  "laneway/ai": ["guides/ai-request-lanes.md"],
  "laneway/dscp": ["guides/network-marks.md", "reference/network.md"],
  "laneway/fetch": ["reference/http-services.md#calls-going-out"],
  "laneway/undici": ["reference/http-services.md#calls-going-out"],
  "laneway/gateway": ["guides/gateway.md", "reference/http.md"],
  "laneway/kubernetes": ["guides/kubernetes.md", "reference/kubernetes.md"],
  "laneway/mysql": ["reference/mysql.md"],
  "laneway/opentelemetry": ["reference/metrics.md"],
  "laneway/pg": ["guides/database-lanes.md", "reference/pg.md"],
  "laneway/process": ["guides/run-jobs-in-lanes.md", "reference/run.md"],
  "laneway/prometheus": ["reference/metrics.md"],
  "laneway/testing": ["guides/test-your-lanes.md"],
  "laneway/threads": ["guides/threads-in-lanes.md", "reference/threads.md"],
};
/** Of all others: lanes in front of a service, whose options are those of one type that none of them exports. */
const OF_SERVICES = ["guides/protect-an-http-service.md", "reference/http-services.md#options"];

/** The subpaths that are code, with the sources behind them. */
export function entriesOf(root: string): Map<string, string> {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    exports: Readonly<Record<string, string | { readonly default: string }>>;
  };
  const entries = new Map<string, string>();
  // What several subpaths export is told on the page of the first: plain HTTP before the frameworks.
  const first = [".", "./http"];
  for (const subpath of [...first, ...Object.keys(exports).filter((each) => !first.includes(each))]) {
    const target = exports[subpath];
    if (typeof target !== "object" || !target.default.endsWith(".js")) continue;
    const source = target.default.replace("./dist/", "src/").replace(/\.js$/, ".ts");
    entries.set(`laneway${subpath.slice(1)}`, source);
  }
  return entries;
}

/** The pages of all subpaths. Throws what TypeDoc complains of. */
export async function apiPages(root: string, titles: ReadonlyMap<string, string>): Promise<SitePage[]> {
  const require = createRequire(join(root, "docs/site/package.json"));
  const { Application } = (await import(require.resolve(TYPEDOC))) as TypeDoc;
  const entries = entriesOf(root);
  const out = mkdtempSync(join(tmpdir(), "laneway-api-"));
  try {
    const app = await Application.bootstrapWithPlugins({
      ...OPTIONS,
      entryPoints: [...entries.values()].map((source) => join(root, source)),
      tsconfig: join(root, "tsconfig.json"),
      plugin: [require.resolve(`${TYPEDOC}-plugin-markdown`)],
      out,
    });
    const project = await app.convert();
    if (project === undefined) throw new Error("TypeDoc could not read the sources; see its messages above");
    for (const module of project.children ?? []) {
      // TypeDoc calls it after its file; its readers call it by what they import.
      const found = [...entries].find(
        ([, source]) => source.replace(/^src\/|(\/index)?\.ts$/g, "") === module.name,
      );
      if (found !== undefined) module.name = found[0];
    }
    await app.generateOutputs(project);
    if (app.logger.hasErrors()) throw new Error("TypeDoc found errors; see its messages above");
    return [...entries].map(([name, source]) => {
      const text = readFileSync(join(out, `${name}.md`), "utf8");
      return { path: `api/${name}.md`, from: source, text: pageOf(root, name, source, text, titles) };
    });
  } finally {
    rmSync(out, { recursive: true });
  }
}

const OPTIONS = {
  name: "Laneway",
  readme: "none",
  outputFileStrategy: "modules",
  excludePrivate: true,
  excludeInternal: true,
  excludeExternals: true,
  // The compiler of the project has judged the sources; this one need not know each of their libraries.
  skipErrorChecking: true,
  disableSources: true,
  githubPages: false,
  logLevel: "Warn",
  validation: { notExported: false, invalidLink: true, notDocumented: false },
  kindSortOrder: ["Function", "Class", "Variable", "Interface", "TypeAlias", "Reference"],
  groupOrder: ["Functions", "Classes", "Variables", "Interfaces", "Type Aliases", "References"],
  hidePageHeader: true,
  hideBreadcrumbs: true,
  hideGroupHeadings: false,
  useCodeBlocks: true,
  useHTMLAnchors: true,
  expandParameters: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  classPropertiesFormat: "table",
  typeDeclarationFormat: "table",
  propertyMembersFormat: "table",
  tableColumnSettings: { hideDefaults: true, hideModifiers: true, hideInherited: true, hideOverrides: true },
};

function pageOf(
  root: string,
  name: string,
  source: string,
  text: string,
  titles: ReadonlyMap<string, string>,
): string {
  const up = "../".repeat(name.split("/").length);
  const links = (MORE[name] ?? OF_SERVICES).map((link) => {
    const [page = "", heading] = link.split("#");
    const title = titles.get(page);
    if (title === undefined)
      throw new Error(`scripts/docs-api.ts: there is no page ${page} to send readers of ${name} to`);
    return `[${title}${heading === undefined ? "" : `: ${heading.replaceAll("-", " ")}`}](${up}${link})`;
  });
  const doc = summaryOf(readFileSync(join(root, source), "utf8"), name);
  const head = [`# ${name}`, ...(doc === "" ? [] : [doc]), `See ${links.join(", ")}.`];
  return `---\noutline: [2, 3]\n---\n\n${head.join("\n\n")}\n\n${text.replace(/^# .*\n/m, "").trimStart()}`;
}

/** What the file says of itself, without the name that is the page's own. */
function summaryOf(source: string, name: string): string {
  const comment = /^\/\*\*([^]*?)\*\//.exec(source)?.[1] ?? "";
  const doc = comment.replaceAll(/^\s*\* ?/gm, "").trim();
  const said = doc.startsWith(`\`${name}\`:`) ? doc.slice(name.length + 3).trim() : doc;
  return said === "" ? "" : said[0]!.toUpperCase() + said.slice(1);
}
