/**
 * Which algorithm should learn a limit? Every one on every scenario, in simulated time, beside the best that any fixed
 * limit could have done. Writes the table and the plots of docs/limits.md; the same seeds give the same figures.
 *
 *     node bench/limits.ts
 */

import { readFileSync, writeFileSync } from "node:fs";
import { ALGORITHMS, WARM_UP_S, bestFixed, compare } from "../test/simulation/limits/compare.ts";
import type { Best, Result } from "../test/simulation/limits/compare.ts";
import type { Scenario } from "../test/simulation/limits/play.ts";
import { SCENARIOS } from "../test/simulation/limits/scenarios.ts";
import { limitPlot } from "./limits-plot.ts";

const SEEDS = [1, 2, 3];
const PAGE = new URL("../docs/limits.md", import.meta.url);
const BEGIN = "<!-- figures: node bench/limits.ts -->";
const END = "<!-- end of figures -->";

interface Row {
  readonly scenario: Scenario;
  readonly best: Best;
  /** By algorithm, one result for each seed. */
  readonly results: ReadonlyMap<string, readonly Result[]>;
}

function rowOf(scenario: Scenario): Row {
  const bests = SEEDS.map((seed) => bestFixed(scenario, seed));
  const results = new Map(
    Object.entries(ALGORITHMS).map(([name, make]) => [
      name,
      SEEDS.map((seed, i) => compare(scenario, make, bests[i]!, seed)),
    ]),
  );
  process.stderr.write(`${scenario.name}\n`);
  return { scenario, best: bests[0]!, results };
}

function fileOf({ name }: Scenario): string {
  return `limits-${name.replaceAll(/[^a-z0-9]+/g, "-")}.svg`;
}

function cell(results: readonly Result[]): string {
  const ratio = Math.min(...results.map((each) => each.ratio));
  const worst = Math.min(...results.map((each) => each.worst));
  const text = `${percent(ratio)} (${percent(worst)})`;
  return ratio >= 0.85 ? text : `*${text}*`;
}

function percent(part: number): string {
  return `${Math.floor(part * 100)} %`;
}

function figures(rows: readonly Row[]): string {
  const names = Object.keys(ALGORITHMS);
  const lines = [
    `| scenario | best fixed | ${names.join(" | ")} |`,
    `| --- | --: | ${names.map(() => "--:").join(" | ")} |`,
    ...rows.map(
      ({ scenario, best, results }) =>
        `| [${scenario.name}](images/${fileOf(scenario)}) | ${best.seats} | ${names
          .map((name) => cell(results.get(name)!))
          .join(" | ")} |`,
    ),
  ];
  const images = rows.map(({ scenario }) => `![${scenario.name}](images/${fileOf(scenario)})`);
  return [
    ...lines,
    "",
    `Seeds ${SEEDS.join(", ")}; the plots show seed ${SEEDS[0]}.`,
    "",
    images.join("\n\n"),
  ].join("\n");
}

const rows = SCENARIOS.map(rowOf);
for (const { scenario, best, results } of rows) {
  const lines = [...results].map(([name, [first]]) => ({ name, played: first!.played }));
  const svg = limitPlot(scenario.name, WARM_UP_S, [
    { name: `fixed, ${best.seats}`, played: best.played },
    ...lines,
  ]);
  writeFileSync(new URL(`../docs/images/${fileOf(scenario)}`, import.meta.url), svg);
}
const page = readFileSync(PAGE, "utf8");
const [before = "", rest = ""] = page.split(BEGIN);
const after = rest.slice(rest.indexOf(END));
writeFileSync(PAGE, `${before}${BEGIN}\n\n${figures(rows)}\n\n${after}`);
process.stdout.write(`${figures(rows)}\n`);
