/** What was promised of each lane, what came of it, and what came of the same promise in the other run. */

import { glyph, laneLook } from "../plot/looks.ts";
import { markup } from "../plot/markup.ts";
import type { Markup } from "../plot/markup.ts";
import { scrolled } from "./figure.ts";
import { sameLane } from "./verdict.ts";
import type { ObjectiveResult, RunReport, VerifyReport } from "./result.ts";

/** The section; nothing where nothing was promised. */
export function promised({ runs: [run, other] }: VerifyReport): Markup {
  const rows = run.lanes.flatMap(({ lane, objectives }, rank) =>
    objectives.map((one) => [
      markup`${glyph(laneLook(rank))}&#160;${lane}`,
      one.objective,
      found(one, run),
      ...(other === undefined ? [] : [found(sameObjective(other, lane, one), other)]),
    ]),
  );
  if (rows.length === 0) return markup``;
  const title = "Promised, and found";
  const heads = ["Lane", "Promise", run.name, ...(other === undefined ? [] : [other.name])];
  return markup`<section class="promises" aria-label="${title}"><h2>${title}</h2>${scrolled("Each promise", heads, rows)}</section>\n`;
}

function sameObjective(
  run: RunReport,
  lane: string,
  { objective }: ObjectiveResult,
): ObjectiveResult | undefined {
  return sameLane(run, lane)?.objectives.find((one) => one.objective === objective);
}

function found(one: ObjectiveResult | undefined, run: RunReport): Markup {
  if (one === undefined) return markup`–`;
  const { level, sign, word } = standing(one.held, run);
  return markup`<b class="${level}">${sign}${word}</b> ${one.measured}`;
}

/** How a promise stands. What an invalid run found of it is told, and is neither held nor missed. */
export function standing(held: boolean, { invalid }: RunReport): Record<"level" | "sign" | "word", string> {
  if (invalid.length > 0) return { level: "quiet", sign: "", word: "not judged" };
  return held ? { level: "held", sign: "✓ ", word: "held" } : { level: "missed", sign: "▲ ", word: "missed" };
}
