/** What a soak came to, as a table, and what to type to see a violation again. */

import { describe } from "./play.ts";
import type { Played } from "./play.ts";

/** One row for each part, what happened in each under it, and the violations last. */
export function report(results: readonly Played[]): string {
  const rows = results.map((played) => [
    played.part,
    `${played.work.toLocaleString("en")} ${played.unit}`,
    played.rounds.toLocaleString("en"),
    `${played.seconds.toFixed(0)} s`,
    `${played.firstSeed}`,
    played.heap === undefined ? "–" : describe(played.heap, played.unit),
    verdict(played),
  ]);
  const head = ["part", "work", "rounds", "time", "seeds from", "heap, and its growth", "violations"];
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  const counts = results.flatMap(({ part, counts: of }) => {
    const list = Object.entries(of).map(([what, count]) => `${what} ${count.toLocaleString("en")}`);
    return list.length === 0 ? [] : [`${part}: ${list.join(", ")}`];
  });
  return [...lines, "", ...counts, ...results.flatMap(violationOf)].join("\n");
}

function verdict({ violation, skipped }: Played): string {
  if (violation !== undefined) return "FOUND";
  return skipped === undefined ? "0" : `skipped: ${skipped}`;
}

function violationOf({ part, violation }: Played): string[] {
  if (violation === undefined) return [];
  const again = `npm run soak -- --only ${part} --seed ${violation.seed} --rounds 1`;
  return [
    "",
    `${part}, seed ${violation.seed}:`,
    ...violation.found.map((what) => `  ${what}`),
    `  again: ${again}`,
  ];
}
