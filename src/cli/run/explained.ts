/** What `laneway run` did for the command, in lines. */

import type { LaneReport, Means } from "../../adapters/process/means.ts";

/** What decides what is said. */
interface Manner {
  readonly explain?: boolean;
  readonly json?: boolean;
  /** `--strict`, and something is missing. */
  readonly refused: boolean;
}

/** Everything with `--explain`, else one line when something is missing, else nothing. */
export function explained(report: LaneReport, { explain, json, refused }: Manner): string[] {
  if (json === true && (explain === true || refused)) return [JSON.stringify(report)];
  const { lane, pid, means, complete } = report;
  const missed = means.filter(({ applied, covered }) => !applied && covered !== true);
  const verdict = refused ? ["laneway run: not started, because --strict asks for all of it"] : [];
  if (explain !== true && refused) return [...missed.flatMap(lines), ...verdict];
  if (explain !== true) {
    if (complete) return [];
    const what = [...new Set(missed.map((each) => `${each.what} (${each.means})`))].join(", ");
    return [`laneway run: lane ${lane} is not fully enforced here: ${what}; --explain says why`];
  }
  const spare = means.filter(({ applied, covered }) => !applied && covered === true);
  return [
    `laneway run: process ${pid} in lane ${lane}`,
    ...means.filter(({ applied }) => applied).flatMap(lines),
    ...(spare.length === 0 ? [] : ["not applied, and not needed:", ...spare.flatMap(lines)]),
    ...(missed.length === 0 ? [] : ["not applied:", ...missed.flatMap(lines)]),
    ...verdict,
  ];
}

function lines({ what, means, value, where, why, fix }: Means): string[] {
  const head = `  ${what.padEnd(6)}  ${means.padEnd(13)}  ${value}`;
  return [
    where === undefined ? head : `${head}  ${where}`,
    ...(why === undefined ? [] : [`          because ${why}`]),
    ...(fix === undefined ? [] : [`          fix: ${fix}`]),
  ];
}
