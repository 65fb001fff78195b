/**
 * What `npm test` runs: every check of the code and of the package, then all tests with the coverage of the core.
 *
 *     npm test                                     everything, as in CI
 *     npm test -- test/core                        only these tests (files or folders), without the other steps
 *     npm test -- test/core --test-name-pattern=x  with any option of `node --test`
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { fileURLToPath } from "node:url";
import report from "./reporter.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
// Node's own choice keeps one processor free, which on two of them leaves half the machine idle.
const CONCURRENCY = availableParallelism();
const NO_SKIP = process.env["LANEWAY_TEST_NO_SKIP"] === "1";

/**
 * What Node made of a module (its types stripped, its code compiled) is kept for the next process: a run starts some two
 * thousand, most of them with the same modules. A whole run begins without, so that the folder does not grow.
 */
const COMPILED = join(ROOT, ".tsbuild/compiled");

// The tools come from this clone, and so does the Node that runs them.
const ENV: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${join(ROOT, "node_modules/.bin")}${delimiter}${process.env["PATH"] ?? ""}`,
  NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? COMPILED,
};

interface Outcome {
  readonly ok: boolean;
  /** All that was printed, for a failure. */
  readonly output: string;
  /** What to say beside the time when it went well. */
  readonly note?: string;
}

interface Timed extends Outcome {
  readonly seconds: number;
}

interface Step {
  readonly name: string;
  readonly run: () => Promise<Outcome | Timed>;
}

/** The checks that need nothing but what `npm ci` has installed. */
const ALONE: readonly Step[] = [
  { name: "typecheck of the page", run: () => command("tsc", "-p", "src/dashboard/tsconfig.json") },
  { name: "build", run: build },
  { name: "format", run: () => command("oxfmt", "--check") },
  { name: "package", run: checkPackage },
];

/** The checks that look at the tests too, and so at the packages of the tests. */
const OF_ALL: readonly Step[] = [
  { name: "typecheck", run: () => command("tsc", "-p", "tsconfig.json") },
  { name: "lint", run: () => command("oxlint", "--type-aware", "--deny-warnings") },
  { name: "dead code", run: () => command("knip", "--no-progress") },
];

/** The tests whose reach into the core is measured. To measure costs every process a quarter more, so only these. */
const OF_THE_CORE = ["test/core", "test/node", "test/testing"];
const COVERAGE = ["--experimental-test-coverage", "--test-coverage-include=src/core/**"];

/**
 * The tests that take longest, as measured, longest first: begun last, one of them would run alone at the end. Which they
 * are is no matter of right or wrong: any other file may come before or after.
 */
const LONGEST = [
  "test/house/examples.test.ts",
  "test/publish/install.test.ts",
  "test/docs/site.test.ts",
  "test/cli/demo.test.ts",
  "test/cli/verify.test.ts",
  "test/databases/orms/examples.test.ts",
  "test/verify/report/shown.test.ts",
  "test/simulation/limits.test.ts",
  "test/cli/alerts.test.ts",
];

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.length > 0) return runNamed(args);
  rmSync(COMPILED, { recursive: true, force: true });
  // Most of an installation is waiting, for the network and the disk, and the core needs nothing of what it brings.
  const packages = timed(installNested);
  if (!(await pass(ALONE))) return 1;
  const areInstalled = (await Promise.race([packages, Promise.resolve()])) !== undefined;
  const early = areInstalled ? undefined : await runCore();
  if (!(await pass([{ name: "packages of the tests", run: () => packages }, ...OF_ALL]))) return 1;
  const ofCore = early ?? (await runCore());
  const ofRest = await runRest();
  return ofCore === 0 ? ofRest : ofCore;
}

/** Takes steps one after the other and tells how each went; false once one has failed, and no more is taken. */
async function pass(steps: readonly Step[]): Promise<boolean> {
  for (const step of steps) {
    const { ok, output, note, seconds } = await timed(step.run);
    const took = seconds.toFixed(1);
    console.log(
      `${ok ? "ok  " : "FAIL"} ${step.name.padEnd(22)} ${took} s${note === undefined ? "" : `  ${note}`}`,
    );
    if (ok) continue;
    console.error(`\n${output.trimEnd()}\n\nnpm test stopped at: ${step.name}`);
    return false;
  }
  return true;
}

/** With the seconds that it took, unless it was timed already. */
async function timed(work: Step["run"]): Promise<Timed> {
  const start = performance.now();
  const outcome = await work();
  return { seconds: (performance.now() - start) / 1_000, ...outcome };
}

/**
 * What only some tests need sits in private packages of its own, so that `npm ci` of the project stays small. A
 * machine without a network goes on without them, and their tests say what is missing; CI may skip nothing.
 */
async function installNested(): Promise<Outcome> {
  const missing: string[] = [];
  let failed: Outcome | undefined = undefined;
  const folders = readdirSync(join(ROOT, "test")).map((name) => `test/${name}`);
  const left = [...folders, "docs/site"].filter((folder) => {
    const lock = join(ROOT, folder, "package-lock.json");
    return existsSync(lock) && !isInstalled(folder, lock);
  });
  const install = async (): Promise<void> => {
    for (let folder = left.shift(); folder !== undefined; folder = left.shift()) {
      const outcome = await command("npm", "ci", "--prefix", folder);
      if (outcome.ok) continue;
      failed ??= outcome;
      missing.push(folder);
    }
  };
  // Half of an installation is waiting.
  await Promise.all([install(), install()]);
  if (failed !== undefined && NO_SKIP) return failed;
  if (missing.length === 0) return { ok: true, output: "" };
  return {
    ok: true,
    output: "",
    note: `could not install ${missing.join(", ")}; the tests that need it are skipped`,
  };
}

/** Runs a program of this clone to its end. */
async function command(program: string, ...args: readonly string[]): Promise<Outcome> {
  const child = spawn(program, args, { cwd: ROOT, env: ENV, stdio: ["ignore", "pipe", "pipe"] });
  let output = `$ ${program} ${args.join(" ")}\n`;
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [status] = (await once(child, "close").catch((error: Error) => [error.message])) as [unknown];
  return { ok: status === 0, output: typeof status === "string" ? output + status : output };
}

/** npm writes this file last; older than the lock, it belongs to another lock. */
function isInstalled(folder: string, lock: string): boolean {
  const installed = join(ROOT, folder, "node_modules/.package-lock.json");
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs;
}

/** tsc leaves behind what a deleted source once became; it would ship, and self-imports would still find it. */
async function build(): Promise<Outcome> {
  const outcome = await command("tsc", "-p", "tsconfig.build.json");
  if (!outcome.ok) return outcome;
  const page = await command("vite", "build", "--logLevel", "warn");
  if (!page.ok) return page;
  let stale = 0;
  for (const path of readdirSync(join(ROOT, "dist"), { recursive: true, encoding: "utf8" })) {
    // The page's folder is emptied by its own build.
    if (path.startsWith("dashboard/")) continue;
    const source = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(path)?.[1];
    if (source === undefined || existsSync(join(ROOT, "src", `${source}.ts`))) continue;
    rmSync(join(ROOT, "dist", path));
    stale++;
  }
  // npm makes a bin executable when it installs one; in the clone itself nobody else does.
  const bin = join(ROOT, "dist/cli/main.js");
  if (existsSync(bin)) chmodSync(bin, 0o755);
  return stale === 0 ? outcome : { ...outcome, note: `removed ${stale} outputs without a source` };
}

/** Packs once, without running scripts, and lets both judges look at what users would get. */
async function checkPackage(): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "laneway-pack-"));
  try {
    const packed = await command("npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder);
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
    if (!packed.ok || tarball === undefined) return { ...packed, ok: false };
    const linted = await command("publint", "run", join(folder, tarball), "--strict");
    if (!linted.ok) return linted;
    return await command(
      "attw",
      join(folder, tarball),
      "--profile",
      "esm-only",
      "--no-definitely-typed",
      "--no-emoji",
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Only the tests that are named, or all when only options are; with whatever else `node --test` knows. */
function runNamed(args: readonly string[]): Promise<number> {
  const named = args.filter((arg) => !arg.startsWith("-"));
  const options = args.filter((arg) => arg.startsWith("-"));
  return nodeTest(ENV, options, (named.length === 0 ? ["test"] : named).flatMap(testsUnder));
}

/** The tests of the core, and how much of it they reached. */
function runCore(): Promise<number> {
  console.log("\nthe core, and how much of it its tests reach");
  // V8 counts what it compiled itself; of what it was given compiled it is less sure.
  const env = { ...ENV, NODE_DISABLE_COMPILE_CACHE: "1" };
  return nodeTest(env, COVERAGE, OF_THE_CORE.flatMap(testsUnder));
}

async function nodeTest(
  env: NodeJS.ProcessEnv,
  options: readonly string[],
  files: readonly string[],
): Promise<number> {
  const concurrency = `--test-concurrency=${CONCURRENCY}`;
  const child = spawn(
    process.execPath,
    ["--test", "--test-reporter=./scripts/reporter.ts", concurrency, ...options, ...files],
    { cwd: ROOT, env, stdio: ["ignore", "inherit", "inherit"] },
  );
  const [status] = (await once(child, "close")) as [number | null];
  return status ?? 1;
}

/** All other tests, the longest first, which `node --test` cannot do: it sorts files by their names. */
async function runRest(): Promise<number> {
  console.log("\nall else, the longest first: the first of them is over after a minute or so");
  const others = testsUnder("test").filter(
    (file) => !OF_THE_CORE.some((folder) => file.startsWith(`${folder}/`)),
  );
  const first = LONGEST.filter((file) => others.includes(file));
  const files = [...first, ...others.filter((file) => !first.includes(file))];
  Object.assign(process.env, ENV);
  let status = 1;
  // Many of them wait for a process or a timer: one more than there are processors keeps these busy.
  const events = run({
    cwd: ROOT,
    files: files.map((file) => join(ROOT, file)),
    concurrency: CONCURRENCY + 1,
  });
  events.on("test:summary", ({ file, success }) => {
    // The summary of one file names it; the last is that of all.
    if (file === undefined) status = success ? 0 : 1;
  });
  await pipeline(events, report, process.stdout, { end: false });
  return status;
}

/** The test files of a folder, or the file itself; the packages in `node_modules` bring tests of their own. */
function testsUnder(path: string): string[] {
  const isFolder = existsSync(join(ROOT, path)) && statSync(join(ROOT, path)).isDirectory();
  if (!isFolder) return [path];
  const names = readdirSync(join(ROOT, path)).filter((name) => name !== "node_modules");
  return names
    .map((name) => join(path, name))
    .flatMap((inner) => (statSync(join(ROOT, inner)).isDirectory() ? testsUnder(inner) : [inner]))
    .filter((file) => file.endsWith(".test.ts"));
}
