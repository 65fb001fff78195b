/**
 * What `npm test` runs: every check of the code and of the package, then all tests with the coverage of the core.
 *
 *     npm test                                     everything, as in CI
 *     npm test -- test/core                        only these tests (files or folders), without the other steps
 *     npm test -- test/core --test-name-pattern=x  with any option of `node --test`
 */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NO_SKIP = process.env["LANEWAY_TEST_NO_SKIP"] === "1";

// The tools come from this clone, and so does the Node that runs them.
const ENV: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${join(ROOT, "node_modules/.bin")}${delimiter}${process.env["PATH"] ?? ""}`,
};

interface Outcome {
  readonly ok: boolean;
  /** All that was printed, for a failure. */
  readonly output: string;
  /** What to say beside the time when it went well. */
  readonly note?: string;
}

interface Step {
  readonly name: string;
  run(): Outcome | Promise<Outcome>;
}

const STEPS: readonly Step[] = [
  { name: "packages of the tests", run: installNested },
  { name: "typecheck", run: () => command("tsc", "-p", "tsconfig.json") },
  { name: "typecheck of the page", run: () => command("tsc", "-p", "src/dashboard/tsconfig.json") },
  { name: "build", run: build },
  { name: "lint", run: () => command("oxlint", "--type-aware", "--deny-warnings") },
  { name: "format", run: () => command("oxfmt", "--check") },
  { name: "dead code", run: () => command("knip", "--no-progress") },
  { name: "package", run: checkPackage },
];

/** The tests whose reach into the core is measured. To measure costs every process a quarter more, so only these. */
const OF_THE_CORE = ["test/core", "test/node", "test/testing"];
const COVERAGE = ["--experimental-test-coverage", "--test-coverage-include=src/core/**"];

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.length > 0) return runTests(args);
  for (const step of STEPS) {
    const start = performance.now();
    const { ok, output, note } = await step.run();
    const seconds = ((performance.now() - start) / 1_000).toFixed(1);
    console.log(
      `${ok ? "ok  " : "FAIL"} ${step.name.padEnd(22)} ${seconds} s${note === undefined ? "" : `  ${note}`}`,
    );
    if (ok) continue;
    console.error(`\n${output.trimEnd()}\n\nnpm test stopped at: ${step.name}`);
    return 1;
  }
  return runTests([]);
}

function command(program: string, ...args: readonly string[]): Outcome {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: ROOT,
    env: ENV,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
  });
  const output = `$ ${program} ${args.join(" ")}\n${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}`;
  return { ok: status === 0, output };
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
      const outcome = await npmCi(folder);
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

async function npmCi(folder: string): Promise<Outcome> {
  const child = spawn("npm", ["ci", "--prefix", folder], {
    cwd: ROOT,
    env: ENV,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = `$ npm ci --prefix ${folder}\n`;
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
function build(): Outcome {
  const outcome = command("tsc", "-p", "tsconfig.build.json");
  if (!outcome.ok) return outcome;
  const page = command("vite", "build", "--logLevel", "warn");
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
function checkPackage(): Outcome {
  const folder = mkdtempSync(join(tmpdir(), "laneway-pack-"));
  try {
    const packed = command("npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder);
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
    if (!packed.ok || tarball === undefined) return { ...packed, ok: false };
    const linted = command("publint", "run", join(folder, tarball), "--strict");
    if (!linted.ok) return linted;
    return command(
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

/** Only the tests when some are named; otherwise all of them, and how much of the core they reached. */
function runTests(args: readonly string[]): number {
  const named = args.filter((arg) => !arg.startsWith("-"));
  const options = args.filter((arg) => arg.startsWith("-"));
  if (args.length > 0) return nodeTest(options, (named.length === 0 ? ["test"] : named).flatMap(testsUnder));
  const core = new Set(OF_THE_CORE.flatMap(testsUnder));
  console.log("\nthe core, and how much of it its tests reach");
  const ofCore = nodeTest(COVERAGE, [...core]);
  console.log("\nall else");
  const ofRest = nodeTest(
    [],
    testsUnder("test").filter((file) => !core.has(file)),
  );
  return ofCore === 0 ? ofRest : ofCore;
}

function nodeTest(options: readonly string[], files: readonly string[]): number {
  // Node keeps one processor free, which on two of them leaves half the machine idle.
  const concurrency = `--test-concurrency=${availableParallelism()}`;
  const { status } = spawnSync(
    process.execPath,
    ["--test", "--test-reporter=./scripts/reporter.ts", concurrency, ...options, ...files],
    {
      cwd: ROOT,
      env: ENV,
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  return status ?? 1;
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
