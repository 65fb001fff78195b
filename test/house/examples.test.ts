import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { needsPackage } from "../needs.ts";
import { exampleFiles, examplePages, examplesOf, isPolicy, misspeltExamples } from "./examples.ts";
import type { Example } from "./examples.ts";
import { commandsThatDoNotExist } from "./rules/commands.ts";
import {
  checkFile,
  checkPolicy,
  helpOf,
  pageFolder,
  programOf,
  runFile,
  runProgram,
  runScript,
  runServer,
  writeProgram,
} from "./run-example.ts";
import type { Ending } from "./run-example.ts";
import { ROOT } from "./source.ts";

test("the examples of the pages are marked so that each is tested, or says why not", () => {
  assert.deepEqual(misspeltExamples(ROOT), []);
});

test("every command on the pages exists: its script, its file, its options", async () => {
  const help = new Map<string | undefined, string | undefined>();
  // The first pass notes which commands there are to ask about; the second judges by their help.
  commandsThatDoNotExist(ROOT, (command) => (help.set(command, undefined), ""));
  for (const command of help.keys()) help.set(command, await helpOf(command));
  assert.deepEqual(
    commandsThatDoNotExist(ROOT, (command) => help.get(command)),
    [],
  );
});

test("the README shows the library and a policy at work", () => {
  const examples = examplesOf(ROOT, "README.md");
  assert.ok(
    examples.some(({ language, marks }) => language === "ts" && !marks.has("no-run")),
    "no TypeScript that runs",
  );
  assert.ok(
    examples.some(({ language }) => language === "sh"),
    "no command",
  );
});

test("every TypeScript example is right by its types", () => {
  const files = examplePages(ROOT).flatMap((page) => {
    const folder = pageFolder(page);
    // The SDKs' own types are not ours to judge.
    const programs = programsOf(page).filter(({ program }) => packagesIn(program).length === 0);
    return programs.map(({ example, program }) => writeProgram(folder, example, program));
  });
  if (files.length === 0) return;
  const project = join(ROOT, ".tsbuild/examples/tsconfig.json");
  writeFileSync(project, JSON.stringify({ compilerOptions: OPTIONS_OF_READERS, files }));
  const { status, stdout } = spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", project], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout);
});

// As a reader's own project would have it: strict, and no stricter.
const OPTIONS_OF_READERS = {
  target: "es2024",
  lib: ["es2024", "esnext.disposable"],
  module: "nodenext",
  moduleDetection: "force",
  types: ["node"],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
};

for (const page of examplePages(ROOT)) {
  const runs = (example: Example): boolean =>
    isPolicy(example) ||
    example.marks.has("run") ||
    (example.language === "ts" && !example.marks.has("no-run"));
  const examples = examplesOf(ROOT, page).filter(runs);
  if (examples.length === 0) continue;
  test(`the examples of ${page} run`, async (t) => {
    const folder = pageFolder(page);
    for (const example of examples) {
      await t.test(`line ${example.line}`, async (inner) => {
        const ending = await endingOf(inner, folder, example);
        if (ending !== undefined)
          assert.equal(ending.code, expectedCode(example), `${page}:${example.line}\n${ending.output}`);
      });
    }
  });
}

for (const example of exampleFiles(ROOT)) {
  if (example.marks.has("no-run") || (example.language === "yaml" && !isPolicy(example))) continue;
  test(`${example.page} runs`, async (t) => {
    const file = join(ROOT, example.page);
    const ending = isPolicy(example)
      ? await checkFile(file)
      : await withUpstream(t, example, (url) => runFile(file, url));
    if (ending !== undefined) assert.equal(ending.code, 0, ending.output);
  });
}

/** The ending of a block, or undefined when an SDK that it imports is missing. */
async function endingOf(t: TestContext, folder: string, example: Example): Promise<Ending | undefined> {
  if (isPolicy(example)) return checkPolicy(folder, example);
  if (example.language === "sh") return runScript(folder, example);
  const program =
    programsOf(example.page).find((candidate) => candidate.example.line === example.line)?.program ?? "";
  const visits = example.marks.get("serves");
  return withUpstream(t, { ...example, code: program }, (url) =>
    visits === undefined
      ? runProgram(folder, example, program, url)
      : runServer(folder, example, program, visits),
  );
}

function expectedCode({ marks }: Example): number {
  return marks.get("policy") === "invalid" ? 4 : Number(marks.get("exit") ?? 0);
}

/** The private package of the tests that brings this one. */
function folderOf(name: string): string {
  if (/^(@fastify\/under-pressure|bottleneck|express-rate-limit|p-limit|p-queue)$/.test(name))
    return "test/peers";
  return /^(@nestjs\/.*|express|fastify|hono|koa|reflect-metadata|@hono\/.*)$/.test(name)
    ? "test/frameworks"
    : "test/sdks";
}

/** Runs with the URL of a gateway when the example needs one; undefined when an SDK that it imports is missing. */
async function withUpstream(
  t: TestContext,
  example: Example,
  run: (gatewayUrl?: string) => Promise<Ending>,
): Promise<Ending | undefined> {
  if (!packagesIn(example.code).every((name) => needsPackage(t, folderOf(name), name))) return undefined;
  if (!example.marks.has("needs")) return run();
  const { startUpstream } = await import("./upstream.ts");
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  return run(upstream.gatewayUrl);
}

/** The TypeScript blocks of a page that run, each with the whole program behind it. */
function programsOf(page: string): { example: Example; program: string }[] {
  const programs: { example: Example; program: string }[] = [];
  let last = "";
  for (const example of examplesOf(ROOT, page)) {
    if (example.language !== "ts" || example.marks.has("no-run")) continue;
    last = programOf(example, example.marks.has("continues") ? last : "");
    programs.push({ example, program: last });
  }
  return programs;
}

/** The packages a program imports, but for this one and Node's own modules. */
function packagesIn(program: string): string[] {
  const names = [...program.matchAll(/\bfrom "([^"./][^"]*)"|\bimport\("([^"./][^"]*)"\)/g)].map(
    ([, a, b]) => a ?? b ?? "",
  );
  return names.filter((name) => !/^(node:|laneway$|laneway\/)/.test(name));
}
