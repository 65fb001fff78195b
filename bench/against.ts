/**
 * Is the code of today slower than that of another commit? The benchmarks of today measure both, rounds taking turns, so
 * that neither has the quieter minutes: on a shared machine two runs one after the other differ by a fifth for no reason.
 */

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { measureApart } from "./apart.ts";
import { median } from "./question.ts";
import type { Question } from "./question.ts";
import { QUESTIONS } from "./questions.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Differences below this come and go from run to run. */
const NOISE = 0.1;

/** One of our own figures, then and now. */
export interface Compared {
  readonly question: string;
  readonly what: string;
  readonly unit: string;
  readonly before: number;
  readonly now: number;
  /** Now ÷ before. */
  readonly ratio: number;
  readonly slower: boolean;
}

/** What came of it. */
export interface Comparison {
  readonly figures: readonly Compared[];
  readonly slower: readonly string[];
  readonly text: string;
}

/**
 * Compares our own cases of these questions. Slower is what both the medians and the best rounds say to be more than a
 * tenth slower: a round can be spoiled, but none can be lucky.
 */
export async function against(
  commit: string,
  names: readonly string[],
  rounds: number,
  note: (line: string) => void,
): Promise<Comparison> {
  const asked = names.filter((name) => QUESTIONS.includes(name));
  if (asked.length === 0)
    throw new Error(
      `bench: expected --against with --only one of ${QUESTIONS.join(", ")}, whose figures are of one process each; found ${names.join(", ")}`,
    );
  const folder = mkdtempSync(join(tmpdir(), "laneway-against-"));
  const tree = join(folder, "tree");
  try {
    git("worktree", "add", "--detach", tree, commit);
    prepare(tree, note);
    const figures: Compared[] = [];
    for (const name of asked) {
      const { question } = (await import(`./${name}.ts`)) as { question: Question };
      for (const [what, one] of Object.entries(question.cases)) {
        if (!what.startsWith("laneway") || one.exact === true) continue;
        const before: number[] = [];
        const now: number[] = [];
        for (let round = 0; round < rounds; round++) {
          const sides: [number[], string][] = [
            [before, join(tree, "bench")],
            [now, join(ROOT, "bench")],
          ];
          // Who comes second finds the processor awake: the sides take turns at that as well.
          for (const [side, bench] of round % 2 === 0 ? sides : sides.reverse())
            side.push(await measureApart(bench, name, what, one));
        }
        const found = compared({ question: name, what, unit: question.unit }, before, now);
        note(line(found));
        figures.push(found);
      }
    }
    const slower = figures.filter((one) => one.slower).map(({ question, what }) => `${question}: ${what}`);
    return { figures, slower, text: textOf(commit, figures, slower) };
  } finally {
    spawnSync("git", ["worktree", "remove", "--force", tree], { cwd: ROOT });
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The judgement of one figure of which less is better, from its rounds. */
export function compared(
  named: Pick<Compared, "question" | "what" | "unit">,
  before: readonly number[],
  now: readonly number[],
): Compared {
  const ratio = median(now) / median(before);
  const slower = ratio > 1 + NOISE && Math.min(...now) > (1 + NOISE) * Math.min(...before);
  return { ...named, before: median(before), now: median(now), ratio, slower };
}

/** The same benchmarks for both: those of today ask, the other commit's code answers. */
function prepare(tree: string, note: (line: string) => void): void {
  const lock = (root: string): string => readFileSync(join(root, "package-lock.json"), "utf8");
  if (lock(tree) === lock(ROOT)) symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
  else {
    note("installing the packages of the other commit");
    const { status } = spawnSync("npm", ["ci", "--silent", "--ignore-scripts"], { cwd: tree });
    if (status !== 0) throw new Error("bench: `npm ci` failed for the other commit; it needs a network");
  }
  rmSync(join(tree, "bench"), { recursive: true, force: true });
  cpSync(join(ROOT, "bench"), join(tree, "bench"), {
    recursive: true,
    filter: (path) => !path.includes("node_modules"),
  });
  const peers = join(ROOT, "bench/node_modules");
  if (existsSync(peers)) symlinkSync(peers, join(tree, "bench/node_modules"));
}

function git(...words: readonly string[]): void {
  const { status, stderr } = spawnSync("git", words, { cwd: ROOT, encoding: "utf8" });
  if (status !== 0)
    throw new Error(`bench: expected --against with a commit of this repository: ${stderr.trim()}`);
}

function line({ question, what, unit, before, now, ratio, slower }: Compared): string {
  const figure = (value: number): string => `${value.toPrecision(3)} ${unit}`.padStart(10);
  return `${slower ? "SLOWER" : "      "} ${question.padEnd(24)} ${what.padEnd(26)} ${figure(before)} ${figure(now)}  ${ratio.toFixed(2)}×`;
}

function textOf(commit: string, figures: readonly Compared[], slower: readonly string[]): string {
  const verdict =
    slower.length === 0
      ? `Nothing is more than a tenth slower than at ${commit}.`
      : `${slower.length} of ${figures.length} slower than at ${commit}: ${slower.join("; ")}.`;
  return [`       question, case, ${commit}, now`, ...figures.map(line), verdict].join("\n");
}
