/**
 * All benchmarks, in fresh processes, interleaved, with peers in the same run; prints ratios and bars and writes
 * BENCHMARKS.md.
 *
 *     npm run bench                            everything (about half an hour)
 *     node bench/run.ts --only backlog         one question, and its part of the page anew: a file or folder here
 *     node bench/run.ts --only memory --json   its rows as JSON
 *     node bench/run.ts --against HEAD~1       no page: the same questions of that commit's code, rounds taking turns
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { against } from "./against.ts";
import { measureApart } from "./apart.ts";
import { median } from "./question.ts";
import type { Question } from "./question.ts";
import { QUESTIONS, SERVICES } from "./questions.ts";
import { withFigures } from "./readme.ts";
import { page, table } from "./report.ts";
import type { Answer } from "./report.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = join(HERE, "..");
const ROUNDS = 5;
/** What each question was last answered with: peers stand beside us in one run, questions need not. */
const KEPT = join(HERE, ".answers");

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    json: { type: "boolean", default: false },
    rounds: { type: "string" },
    against: { type: "string" },
  },
});
try {
  await main();
} catch (error) {
  // What begins so is said to whoever called; anything else is a mistake of ours, and where it is matters.
  if (!(error instanceof Error) || !error.message.startsWith("bench: ")) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function main(): Promise<void> {
  const names = [...QUESTIONS, ...Object.keys(SERVICES)].filter(
    (name) => options.only === undefined || options.only === name,
  );
  if (names.length === 0) {
    console.error(
      `bench: expected --only with one of ${[...QUESTIONS, ...Object.keys(SERVICES)].join(", ")}; found "${options.only}"`,
    );
    process.exitCode = 2;
    return;
  }
  installPeers();
  if (options.against !== undefined) {
    const compared = await against(options.against, names, Number(options.rounds ?? ROUNDS), note);
    console.log(options.json ? JSON.stringify(compared, undefined, 2) : compared.text);
    process.exitCode = compared.slower.length === 0 ? 0 : 3;
    return;
  }
  const answers: Answer[] = [];
  for (const name of names) {
    const one = await answer(name);
    answers.push(one);
    keep(one);
  }
  const rows = answers.flatMap((one) => one.rows);
  if (options.json) console.log(JSON.stringify(rows, undefined, 2));
  else console.log(table(rows));
  publish();
  if (rows.some(({ met }) => met === false)) process.exitCode = 3;
}

function keep(one: Answer): void {
  mkdirSync(KEPT, { recursive: true });
  writeFileSync(join(KEPT, `${one.name}.json`), JSON.stringify(one, undefined, 2));
}

/** Writes the page from the last answer to each question. Part of the questions must not pass for all of them. */
function publish(): void {
  const files = [...QUESTIONS, ...Object.keys(SERVICES)].map((name) => join(KEPT, `${name}.json`));
  if (!files.every((file) => existsSync(file))) return;
  const answers = files.map((file) => JSON.parse(readFileSync(file, "utf8")) as Answer);
  writeFileSync(join(ROOT, "BENCHMARKS.md"), page(answers, new Date()));
  const readme = join(ROOT, "README.md");
  const rows = answers.flatMap((one) => one.rows);
  writeFileSync(readme, withFigures(readFileSync(readme, "utf8"), rows));
}

/** The peers sit in a package of their own, so that `npm ci` of the project stays small. */
function installPeers(): void {
  const installed = join(HERE, "node_modules/.package-lock.json");
  const isInstalled =
    existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(HERE, "package-lock.json")).mtimeMs;
  if (isInstalled) return;
  note("installing the libraries that are measured beside ours");
  const PATH = `${join(ROOT, "node_modules/.bin")}${delimiter}${process.env["PATH"] ?? ""}`;
  const { status } = spawnSync("npm", ["ci", "--silent"], {
    cwd: HERE,
    stdio: ["ignore", 2, 2],
    env: { ...process.env, PATH },
  });
  if (status !== 0)
    throw new Error(
      "bench: `npm ci` in bench failed; its libraries come from the package registry, so it needs a network",
    );
}

async function answer(name: string): Promise<Answer> {
  const service = SERVICES[name];
  if (service !== undefined) {
    note(service.asks);
    return { name, asks: service.asks, unit: "", figures: {}, rows: await service.rows() };
  }
  const { question } = (await import(`./${name}.ts`)) as { question: Question };
  note(question.asks);
  const figures: Record<string, number[]> = {};
  for (let round = 0; round < Number(options.rounds ?? ROUNDS); round++)
    for (const [one, of] of Object.entries(question.cases)) {
      if (of.exact === true && round > 0) continue;
      const figure = await measureApart(HERE, name, one, of);
      (figures[one] ??= []).push(figure);
      note(`  ${round + 1}  ${one.padEnd(28)} ${figure.toPrecision(4)} ${question.unit}`);
    }
  return {
    name,
    asks: question.asks,
    unit: question.unit,
    figures,
    rows: question.rows((one) => median(figures[one] ?? [])),
  };
}

function note(line: string): void {
  console.error(line);
}
