/**
 * Writes the drawings and plots of docs/explanation into docs/images. The plots come from simulations with a seed, so that
 * they are the same each time; a test compares.
 *
 *     node scripts/docs-figures.ts
 */

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { at, box, picture, words } from "./docs-drawing.ts";
import { orderOfASeat, seatsOfALimit, turnsOfFlows } from "./docs-drawings.ts";
import { DURATION_MS, FROM_MS, outcomes } from "./docs-simulated.ts";
import type { Outcome } from "./docs-simulated.ts";

/** All of them, by the name of their file. */
export function figures(played: readonly Outcome[]): Map<string, string> {
  return new Map([
    ["explain-order-of-a-seat.svg", orderOfASeat()],
    ["explain-seats.svg", seatsOfALimit()],
    ["explain-flows.svg", turnsOfFlows()],
    ["explain-served.svg", servedPlot(played)],
    ["explain-spike.svg", spikePlot(played)],
  ]);
}

/** A panel for each way to choose, a bar for each lane. */
function servedPlot(played: readonly Outcome[]): string {
  const width = 170;
  const panels = played.flatMap(({ name, served }, i) => {
    const x = 30 + i * (width + 30);
    const bars = served.flatMap(({ lane, part }, n) => {
      const y = 92 + n * 34;
      const shown = part > 0.1 || part < 0.0005 ? String(Math.round(part * 100)) : (part * 100).toFixed(1);
      return [
        words(x + 56, y + 15, lane, "small", "end"),
        box(x + 62, y, 84, 22),
        box(x + 62, y, Math.max(1, 84 * part), 22, `f${[0, 2, 3, 4, 1][n]}`),
        words(x + 150, y + 15, `${shown} %`, "small ink"),
      ];
    });
    return [words(x, 70, name, "name ink"), ...bars];
  });
  const told = played.map(
    ({ name, served }) =>
      `${name}: ${served.map(({ lane, part }) => `${lane} ${Math.round(part * 100)} %`).join(", ")}`,
  );
  return picture(
    "Asked for 2.6 times what there is: how much of each lane is done in time",
    `${told.join(". ")}.`,
    290,
    [
      ...panels,
      words(
        30,
        280,
        "Twenty seats, runs of 100 ms on average, callers that give up after 5 s. The same arrivals in all four.",
        "small",
      ),
    ],
  );
}

const LOOKS = ["c4 dashed", "c1", "c3", "c0"] as const;

/** Critical's waits above and bulk's starts below, over time. */
function spikePlot(played: readonly Outcome[]): string {
  const legend = played.map(({ name }, i) => {
    const x = 80 + [0, 170, 310, 530][i]!;
    return `<path class="line ${LOOKS[i]}" d="M${x} 52h26"/>${words(x + 32, 56, name, `name f${LOOKS[i]!.slice(1, 2)}`)}`;
  });
  return picture(
    "The overload comes at 10 s: what critical waits, and whether bulk moves",
    "Under strict priority and under Laneway critical waits for less than a third of a second; in order of arrival and with plain aging it waits until its callers give up. Bulk starts nothing under strict priority, and two to three tasks a second under Laneway.",
    450,
    [
      ...legend,
      ...panel(
        { label: "critical's wait (p95), seconds", top: 96, bottom: 240, most: 5, ticks: [0, 1, 2, 3, 4, 5] },
        played.map(({ criticalWaitMs }) => criticalWaitMs.map((ms) => ms / 1_000)),
      ),
      ...panel(
        { label: "bulk tasks started a second", top: 290, bottom: 410, most: 60, ticks: [0, 20, 40, 60] },
        played.map(({ bulkStarted }) => bulkStarted),
      ),
      words(800, 436, `${(DURATION_MS - 5_000) / 1_000} s`, "small", "end"),
      words(60, 436, "0 s", "small"),
    ],
  );
}

interface Panel {
  readonly label: string;
  readonly top: number;
  readonly bottom: number;
  readonly most: number;
  readonly ticks: readonly number[];
}

function panel({ label, top, bottom, most, ticks }: Panel, lines: readonly (readonly number[])[]): string[] {
  const y = (value: number): number => bottom - (Math.min(value, most) / most) * (bottom - top);
  const x = (second: number, of: number): number => 60 + (second / (of - 1)) * 740;
  const seconds = lines[0]!.length;
  const grid = ticks.map(
    (tick) =>
      `<path class="grid" d="M60 ${at(y(tick))}H800"/>${words(52, y(tick) + 4, String(tick), "small", "end")}`,
  );
  const mark = at(x(FROM_MS / 1_000, seconds));
  const curves = lines.map((values, i) => {
    const points = values.map((value, second) => `${at(x(second, seconds))} ${at(y(value))}`);
    return `<path class="line ${LOOKS[i]}" d="M${points.join("L")}"/>`;
  });
  return [
    words(60, top - 10, label, "small"),
    ...grid,
    `<path class="axis dashed" d="M${mark} ${top}V${bottom}"/>`,
    ...curves,
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = new URL("../docs/images/", import.meta.url);
  for (const [name, svg] of figures(await outcomes())) writeFileSync(new URL(name, folder), svg);
}
