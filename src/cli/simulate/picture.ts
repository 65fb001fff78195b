/** One lane's waits over time, under two policies, as a picture. */

import type { Curve, TimePlot } from "../../verify/plot/plot.ts";
import { svgPlot } from "../../verify/plot/svg.ts";
import type { Simulated } from "../../verify/replay/simulate.ts";
import { quantile } from "../../verify/replay/summary.ts";

const WINDOWS = 80;
/** A 99th percentile of fewer is their longest wait, which says little. */
const LEAST = 5;

/** The lane to draw: the one named, else the highest that misses its objective, else the highest that was asked for. */
export function laneToDraw(sides: readonly Simulated[], named: string | undefined): string | undefined {
  if (named !== undefined) return sides[0]!.lanes.find(({ lane }) => lane === named)?.lane;
  const asked = sides.flatMap(({ lanes }) => lanes.filter(({ arrivals }) => arrivals > 0));
  return (asked.find(({ waitMet, successMet }) => !waitMet || !successMet) ?? asked[0])?.lane;
}

/** The text of the picture. */
export function waitPicture(lane: string, sides: readonly { name: string; simulated: Simulated }[]): string {
  const [first] = sides;
  const { results, prepared, lanes } = first!.simulated;
  const { arrivals } = prepared.recording;
  const lastAt = arrivals.atMs[prepared.order.at(-1)!]!;
  const xMaxMs = Math.max(1, lastAt - results.fromMs);
  const objective = lanes.find((each) => each.lane === lane)!.objective.waitMs;
  const plot: TimePlot = {
    title: `${prepared.resource}: how long ${lane} waits`,
    xLabel: "time since the first arrival",
    yLabel: "wait, 99th percentile",
    xMaxMs,
    curves: sides.map(({ name, simulated }) => curveOf(name, lane, simulated, xMaxMs)),
    level: { yMs: objective, label: "objective" },
  };
  return svgPlot(plot);
}

function curveOf(label: string, lane: string, { results, prepared }: Simulated, xMaxMs: number): Curve {
  const { order, recording } = prepared;
  const number = results.laneNames.indexOf(lane);
  const windows = Array.from({ length: WINDOWS }, (): number[] => []);
  for (const [place, index] of order.entries()) {
    if (results.lane[place] !== number || results.waitMs[place]! < 0) continue;
    const part = (recording.arrivals.atMs[index]! - results.fromMs) / xMaxMs;
    windows[Math.min(WINDOWS - 1, Math.floor(part * WINDOWS))]!.push(results.waitMs[place]!);
  }
  const points = windows.flatMap((waits, window) =>
    waits.length < LEAST
      ? []
      : [
          {
            xMs: ((window + 0.5) / WINDOWS) * xMaxMs,
            yMs: quantile(Float64Array.from(waits).sort(), 0.99),
          },
        ],
  );
  return { label, points };
}
