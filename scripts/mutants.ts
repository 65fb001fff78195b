/**
 * Plants the bugs of test/mutants/mutants.ts, one at a time and in a copy, and runs the test that must find each.
 *
 *     npm run mutants                      all of them; exit 1 if a test finds nothing
 *     npm run mutants -- 12 "floors are"   those of promise 12, and those whose name has these words
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Mutant } from "../test/mutants/mutant.ts";
import { MUTANTS } from "../test/mutants/mutants.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const AT_ONCE = 2;
const LONGEST_MS = 60_000;
const LONGEST_TEST_MS = 20_000;

/** What a run of one test file said. */
interface Verdict {
  /** Names of the tests that failed. */
  readonly failed: readonly string[];
  readonly hung: boolean;
  readonly seconds: number;
}

interface Result {
  readonly mutant: Mutant;
  readonly seconds: number;
  /** The test that found it, or "a hang"; undefined when it survived. */
  readonly foundBy: string | undefined;
  /** Why it could not be planted or judged. */
  readonly fault?: string;
}

/** A copy in which bugs can be planted; packages and the built output are shared with the original. */
function workspace(): string {
  const folder = mkdtempSync(join(tmpdir(), "laneway-mutants-"));
  for (const name of [
    "src",
    "test",
    ...readdirSync(ROOT).filter((file) => /^(package|tsconfig.*)\.json$/.test(file)),
  ])
    cpSync(join(ROOT, name), join(folder, name), {
      recursive: true,
      filter: (path) => basename(path) !== "node_modules",
    });
  const nested = readdirSync(join(ROOT, "test")).map((name) => join("test", name, "node_modules"));
  for (const name of ["node_modules", "dist", ...nested])
    if (existsSync(join(ROOT, name))) symlinkSync(join(ROOT, name), join(folder, name));
  // For what a test that is killed leaves behind. A database runs as another user, who must get there.
  mkdirSync(join(folder, "tmp"));
  for (const path of [folder, join(folder, "tmp")]) chmodSync(path, 0o711);
  return folder;
}

/**
 * Runs one test file in a copy until it ends or a test fails that did not fail before. What hangs is killed with all
 * that it started.
 */
async function runTest(folder: string, file: string, before?: readonly string[]): Promise<Verdict> {
  const started = performance.now();
  const options = ["--test", "--test-reporter=tap", `--test-timeout=${LONGEST_TEST_MS}`];
  const child = spawn(process.execPath, [...options, file], {
    cwd: folder,
    detached: true,
    env: { ...process.env, TMPDIR: join(folder, "tmp") },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const kill = (): boolean => child.exitCode === null && process.kill(-child.pid!, "SIGKILL");
  let hung = false;
  const timer = setTimeout(() => (hung = kill()), LONGEST_MS);
  const closed = once(child, "close");
  const failed: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const name = /^ *not ok \d+ - (.*)$/.exec(line)?.[1];
    if (name === undefined) continue;
    failed.push(name);
    if (before?.includes(name) === false) kill();
  }
  const [code] = (await closed) as [number | null];
  clearTimeout(timer);
  if (code !== 0 && failed.length === 0) failed.push("the file itself");
  return { failed, hung, seconds: (performance.now() - started) / 1_000 };
}

async function judge(folder: string, mutant: Mutant, sound: ReadonlyMap<string, Verdict>): Promise<Result> {
  const { file, find, replace, killedBy } = mutant;
  const path = join(folder, file);
  const source = readFileSync(path, "utf8");
  const found = source.split(find).length - 1;
  const before = sound.get(killedBy)!;
  if (found !== 1)
    return { mutant, seconds: 0, foundBy: undefined, fault: `its text occurs ${found} times in ${file}` };
  if (before.hung || !existsSync(join(ROOT, killedBy)))
    return { mutant, seconds: 0, foundBy: undefined, fault: `${killedBy} is missing or hangs without it` };
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  try {
    const { failed, hung, seconds } = await runTest(folder, killedBy, before.failed);
    const by = hung
      ? `a hang (${LONGEST_MS / 1_000} s)`
      : failed.find((name) => !before.failed.includes(name));
    return { mutant, seconds, foundBy: by };
  } finally {
    writeFileSync(path, source);
  }
}

/** Does the work of a list, so many at a time, each worker in a copy of its own. */
async function inParallel<T>(
  folders: readonly string[],
  items: readonly T[],
  work: (folder: string, item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  await Promise.all(
    folders.map(async (folder) => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(folder, item);
    }),
  );
}

function chosen(args: readonly string[]): Mutant[] {
  return MUTANTS.filter(
    ({ name, promise }) =>
      args.length === 0 ||
      args.some((arg) => arg === String(promise) || (/\D/.test(arg) && name.includes(arg))),
  );
}

function table(results: readonly Result[]): string {
  const rows = results.map(({ mutant, foundBy, fault, seconds }) => [
    mutant.name,
    String(mutant.promise),
    fault ?? foundBy ?? "SURVIVED",
    seconds.toFixed(1),
  ]);
  return [["mutant", "promise", "killed by", "seconds"], ["---", "---:", "---", "---:"], ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

async function main(args: readonly string[]): Promise<number> {
  const mutants = chosen(args);
  if (mutants.length === 0) {
    console.error(`found no planted bug of a promise or with words in its name such as ${args.join(", ")}`);
    return 2;
  }
  const folders = Array.from({ length: AT_ONCE }, workspace);
  const sound = new Map<string, Verdict>();
  const results: Result[] = [];
  try {
    await inParallel(folders, [...new Set(mutants.map(({ killedBy }) => killedBy))], async (folder, file) => {
      const verdict = await runTest(folder, file);
      sound.set(file, verdict);
      for (const name of verdict.failed) console.error(`without any planted bug, ${file} fails: ${name}`);
    });
    await inParallel(folders, mutants, async (folder, mutant) => {
      const result = await judge(folder, mutant, sound);
      results.push(result);
      const said = result.fault ?? (result.foundBy === undefined ? "SURVIVED" : `found by ${result.foundBy}`);
      console.error(`${results.length}/${mutants.length} ${mutant.name}: ${said}`);
    });
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
  console.log(table(results.sort((a, b) => mutants.indexOf(a.mutant) - mutants.indexOf(b.mutant))));
  const survived = results.filter(({ foundBy }) => foundBy === undefined).length;
  const unsound = [...sound.values()].filter(({ failed }) => failed.length > 0).length;
  console.log(`\n${results.length - survived} of ${results.length} planted bugs were found.`);
  if (unsound > 0) console.error(`${unsound} of the test files fail without any planted bug`);
  return survived + unsound > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
