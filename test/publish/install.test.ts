/** The packed package in empty projects: each package manager, Node and TypeScript that it is promised for. */

import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { examplesOf } from "../house/examples.ts";
import { needsHost, needsPackage } from "../needs.ts";
import { emptyFolder, installed, MANAGERS, pack, ROOT, runIn, subpaths, TOOLS, write } from "./project.ts";
import type { Ending } from "./project.ts";

const NPM = MANAGERS[0]!;
/** What the subpaths do not bring: they take it as a type, or extend its class. */
const FRAMEWORKS = ["@hono/node-server", "express", "fastify", "hono", "koa"];

let temporary = "";
let archive = "";
/** The project that npm made, once it has; the later tests use it. */
let shared: string | undefined;

before(() => {
  temporary = emptyFolder();
  archive = pack(temporary);
});

after(() => rmSync(temporary, { recursive: true, force: true }));

/** The README's first block of a language, as its reader would put it into a file. */
function firstExample(language: "ts" | "yaml" = "ts"): string {
  const example = examplesOf(ROOT, "README.md").find((block) => block.language === language);
  assert.match(example?.code ?? "", language === "ts" ? /from "laneway"/ : /^version: 1/);
  return example!.code;
}

const NAMES = (subpath: string): string => subpath.replaceAll(/\W/g, "_");

/** One import for each subpath; says how many names they have in all. */
function importsOf(paths: readonly string[]): string {
  const imports = paths.map((path) => `import * as ${NAMES(path)} from "${path}";`);
  const counts = paths.map((path) => `Object.keys(${NAMES(path)}).length`);
  return `${imports.join("\n")}\nconsole.log("found", [${counts.join(", ")}].join(" "));\n`;
}

/** The same by \`require\`, which Node can do with modules that do not await at their top. */
function requiresOf(paths: readonly string[]): string {
  return `const found = [${paths.map((path) => `require("${path}")`).join(", ")}];
console.log("found", found.map((names) => Object.keys(names).filter((name) => name !== "__esModule").length).join(" "));
`;
}

const FILES = (paths: readonly string[]): Readonly<Record<string, string>> => ({
  "imports.mjs": importsOf(paths),
  "requires.cjs": requiresOf(paths),
  "readme.ts": firstExample(),
});

/** What each of the files above prints; the package is the same in all of them. */
function works(how: string, paths: readonly string[], run: (file: string) => Ending): void {
  for (const file of ["imports.mjs", "requires.cjs"]) {
    const { code, output } = run(file);
    assert.equal(code, 0, `${how} ${file}: ${output}`);
    const counts = /^found (.*)$/m.exec(output)?.[1]?.split(" ") ?? [];
    assert.equal(counts.length, paths.length, `${how} ${file}: ${output}`);
    assert.ok(!counts.includes("0"), `${how} ${file}: a subpath without names: ${output}`);
  }
  const readme = run("readme.ts");
  assert.deepEqual(
    [readme.code, readme.output.trim()],
    [0, "reply to a reply to hello\nreply to b reply to hello"],
    how,
  );
}

function versionOf(folder: string, name: string): string {
  const file = join(ROOT, folder, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version;
}

for (const manager of MANAGERS) {
  test(`${manager.name} installs it into an empty project, where each subpath and the README's first example run`, (t) => {
    if (manager.module !== undefined && !needsPackage(t, "test/publish", manager.module)) return;
    const isShared = manager === NPM;
    if (isShared && !needsPackage(t, "test/frameworks", "express")) return;
    const folder = join(temporary, `project ${MANAGERS.indexOf(manager)}`);
    const own = Object.fromEntries(
      ["pg", "@types/pg", "@types/node"].map((name) => [name, versionOf("", name)]),
    );
    const frameworks = Object.fromEntries(
      FRAMEWORKS.map((name) => [name, versionOf("test/frameworks", name)]),
    );
    const dependencies = { laneway: `file:${archive}`, ...(isShared ? { ...own, ...frameworks } : {}) };
    const done = installed(t, folder, manager, dependencies);
    if (done === undefined) return;
    // No manager has a script to warn of or to ask about.
    assert.doesNotMatch(done.output, /laneway.*(install script|postinstall|build script|must be built)/i);
    // pg is the driver whose class the subpath extends: it comes with its own dependencies.
    const paths = subpaths().filter((path) => isShared || path !== "laneway/pg");
    write(folder, FILES(paths));
    works(manager.name, paths, (file) => runIn(folder, [...manager.run, file], manager.env));
    if (isShared) shared = folder;
  });
}

/** The project that npm made; undefined when the test is skipped for want of it. */
function project(t: TestContext): string | undefined {
  return needsHost(t, shared !== undefined, "the project that npm makes is missing") ? shared : undefined;
}

test("what is installed runs nothing while it is: no script that a package manager would run", (t) => {
  const folder = project(t);
  if (folder === undefined) return;
  const manifest = join(folder, "node_modules/laneway/package.json");
  const { scripts = {}, bundledDependencies } = JSON.parse(readFileSync(manifest, "utf8")) as {
    readonly scripts?: Readonly<Record<string, string>>;
    readonly bundledDependencies?: unknown;
  };
  const ran = ["preinstall", "install", "postinstall"].filter((name) => scripts[name] !== undefined);
  assert.deepEqual([ran, bundledDependencies], [[], undefined]);
  // npm takes this file for an order to compile.
  assert.equal(existsSync(join(folder, "node_modules/laneway/binding.gyp")), false);
  const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>>;
  };
  const withScripts = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript);
  assert.deepEqual(withScripts, [], "nor has anything that it depends on");
});

for (const major of [22, 24, 26]) {
  test(`Node ${major}: each subpath by import and by require, the README's first example, and the command`, (t) => {
    const folder = project(t);
    const node = major === 24 ? process.execPath : nodeOf(t, major);
    if (folder === undefined || node === undefined) return;
    assert.match(runIn(folder, [node, "--version"]).output, new RegExp(`^v${major}\\.`));
    works(`Node ${major}`, subpaths(), (file) => runIn(folder, [node, file]));
    const main = join(folder, "node_modules/laneway/dist/cli/main.js");
    write(folder, { "laneway.yaml": firstExample("yaml") });
    const checked = runIn(folder, [node, main, "check"]);
    assert.deepEqual([checked.code, /laneway\.yaml/.test(checked.output)], [0, true], checked.output);
    const explained = runIn(folder, [node, main, "explain", "GET", "/api/export/all"]);
    assert.match(explained.output, /bulk/);
  });

  // On 24 test/examples runs them.
  for (const name of major === 24 ? [] : ["http", "express", "fastify", "hono", "koa"])
    test(`Node ${major}: the example for ${name} holds its exports back and lets the payment through`, (t) => {
      const folder = project(t);
      const node = major === 24 ? process.execPath : nodeOf(t, major);
      if (folder === undefined || node === undefined) return;
      const copy = join(folder, `examples-${major}`, name);
      cpSync(join(ROOT, "examples", name), copy, { recursive: true });
      const { code, output } = runIn(copy, [node, "main.ts"]);
      assert.equal(code, 0, output);
      // How many exports find room depends on how fast they arrive; the payment does not depend on them.
      assert.match(output, /payment: 200 in lane critical\nexports:(?: 200| 503){9}$/m);
    });
}

/** The binary of another Node, from the nested package. */
function nodeOf(t: TestContext, major: number): string | undefined {
  const file = join(TOOLS, `node-${major}-${process.platform}-${process.arch}`, "bin/node");
  const advice = `Node ${major} for ${process.platform} ${process.arch} is not installed: npm ci --prefix test/publish`;
  return needsHost(t, existsSync(file), advice) ? file : undefined;
}

const TYPED = (paths: readonly string[]): string => `${importsOf(paths)}
import type { LaneOptions, Permit, TaskOptions } from "laneway";
import { Resource } from "laneway";

const lanes: LaneOptions[] = [{ name: "critical", reservation: "40%" }, { name: "bulk" }];
const task: TaskOptions = { lane: "bulk", flow: "tenant-7", timeoutMs: 100 };
const reply: number = await new Resource({ name: "a", limit: 2, lanes }).run((permit: Permit) => permit.waitMs, task);
// @ts-expect-error
const text: string = await new Resource({ name: "a", limit: 2, lanes }).run(() => reply);
// @ts-expect-error
new Resource({ name: "a", limit: "two" });
console.log(text);
`;

for (const [name, folder] of [
  ["TypeScript 5.9", join(TOOLS, "typescript-5")],
  ["TypeScript 7", join(ROOT, "node_modules/typescript")],
] as const) {
  for (const resolution of ["nodenext", "bundler"])
    test(`${name} takes the types of each subpath, ${resolution} resolution, libraries checked`, (t) => {
      if (!needsPackage(t, "test/publish", "typescript-5/package.json")) return;
      const at = project(t);
      if (at === undefined) return;
      write(at, {
        "typed.mts": TYPED(subpaths()),
        "readme.mts": firstExample(),
        "tsconfig.json": JSON.stringify({
          compilerOptions: {
            target: "es2024",
            lib: ["es2024", "esnext.disposable"],
            module: resolution === "bundler" ? "esnext" : "nodenext",
            moduleResolution: resolution,
            types: ["node"],
            strict: true,
            exactOptionalPropertyTypes: true,
            noEmit: true,
            // Our declarations are checked as the user's own code is; so are those that they name.
            skipLibCheck: false,
          },
          files: ["typed.mts", "readme.mts"],
        }),
      });
      const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
        version: string;
      };
      assert.ok(version.startsWith(name.endsWith("7") ? "7." : "5.9."), version);
      const { code, output } = runIn(at, ["node", join(folder, "bin/tsc"), "-p", "."]);
      const ours = output.split("\n").filter((line) => /^(node_modules\/laneway|typed|readme)/.test(line));
      assert.deepEqual([ours, code === 0 || /^node_modules\//m.test(output)], [[], true], output);
    });
}
