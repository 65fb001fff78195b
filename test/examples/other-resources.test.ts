/** The recipes for databases are right by the types of the drivers, also where no server runs them. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadMysql, mysqlFor } from "../databases/mysql-server.ts";
import { examplesOf } from "../house/examples.ts";
import type { Example } from "../house/examples.ts";
import { pageFolder, writeProgram } from "../house/run-example.ts";
import { ROOT } from "../house/source.ts";
import { needsPackage } from "../needs.ts";
import { runWithDrivers } from "./run-with-drivers.ts";

const PAGE = "docs/guides/other-resources.md";
const DRIVERS = ["mongodb", "mysql2", "redis"];
const LANES = join(ROOT, "examples/redis/redis-lanes.ts");

test("the recipes and examples/redis are right by the types of the drivers", (t) => {
  if (!DRIVERS.every((name) => needsPackage(t, "test/databases", name))) return;
  const blocks = recipes();
  assert.equal(blocks.length, 3);
  const folder = pageFolder(`${PAGE}-types`);
  const files = blocks.map((block) =>
    writeProgram(folder, block, block.code.replace('"./redis-lanes.ts"', JSON.stringify(LANES))),
  );
  assert.deepEqual(mistakesIn(folder, [...files, join(ROOT, "examples/redis/main.ts")]), "");
});

test("a recipe that is wrong by the types of its driver is caught", (t) => {
  if (!DRIVERS.every((name) => needsPackage(t, "test/databases", name))) return;
  const folder = pageFolder(`${PAGE}-planted`);
  const file = join(folder, "planted.ts");
  writeFileSync(file, 'import { MongoClient } from "mongodb";\nnew MongoClient("", { maxPoolSiz: 4 });\n');
  assert.match(mistakesIn(folder, [file]), /maxPoolSiz/);
});

test("the recipe for MySQL runs on a real server", async (t) => {
  const server = await mysqlFor(t);
  if (server === undefined) return;
  const { host, port, user, database } = server.options;
  const pool = loadMysql().createPool({ ...server.options, connectionLimit: 1 });
  t.after(() => pool.end());
  await pool.query("create table orders (id int, paid int)");
  await pool.query("insert into orders values (7, 0)");
  await pool.query("create table visits (day date)");
  await pool.query("insert into visits values ('2020-02-02')");
  await pool.query("create table archive (day date)");
  const block = recipes().find(({ code }) => code.includes("laneway/mysql"));
  assert.ok(block !== undefined);
  const file = writeProgram(pageFolder(`${PAGE}-mysql`), block, block.code);
  const { code, output } = await runWithDrivers(file, {
    DATABASE_URL: `mysql://${user}@${host}:${port}/${database}`,
  });
  assert.equal(code, 0, output);
  const [rows] = await pool.query("select paid, (select count(*) from archive) as archived from orders");
  assert.deepEqual(rows, [{ paid: 1, archived: 1 }]);
});

function recipes(): Example[] {
  return examplesOf(ROOT, PAGE).filter(({ language, marks }) => language === "ts" && marks.has("no-run"));
}

/** What the compiler says of these programs, as it would in a reader's own project. */
function mistakesIn(folder: string, files: readonly string[]): string {
  const project = join(folder, "tsconfig.json");
  const modules = join(ROOT, "test/databases/node_modules");
  const compilerOptions = {
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    module: "nodenext",
    moduleDetection: "force",
    allowImportingTsExtensions: true,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
    // The drivers are those of the tests; the project has none of its own.
    paths: {
      mongodb: [join(modules, "mongodb/mongodb.d.ts")],
      "mysql2/promise": [join(modules, "mysql2/promise.d.ts")],
      redis: [join(modules, "redis/dist/index.d.ts")],
    },
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  };
  writeFileSync(project, JSON.stringify({ compilerOptions, files }));
  return spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", project], { encoding: "utf8" }).stdout;
}
