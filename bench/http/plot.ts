/**
 * Draws what a flood in the lowest lane does to the most important requests, with lanes and without, from a run on real
 * servers: docs/images/protect-http.svg, and what it shows as protect-http.json.
 *
 *     node bench/http/plot.ts
 */

import { writeFileSync } from "node:fs";
import { svgPlot } from "../../src/verify/plot/svg.ts";
import type { Curve } from "../../src/verify/plot/plot.ts";
import { SPIKE, spike } from "./spike.ts";
import { quantile } from "./overloaded.ts";
import type { Overloaded } from "./overloaded.ts";

const EACH_MS = 500;
/** Without lanes the last of them is answered long after the flood. */
const UNTIL_ANSWERED_MS = 30_000;

/** The p95 of the response times, by the instant at which requests were due. */
function curve(label: string, lane: string, { requests }: Overloaded): Curve {
  const points = [];
  for (let fromMs = 0; fromMs < SPIKE.endMs; fromMs += EACH_MS) {
    const due = requests.filter(
      (seen) =>
        seen.lane === lane &&
        seen.dueMs >= fromMs &&
        seen.dueMs < fromMs + EACH_MS &&
        seen.outcome === "served",
    );
    if (due.length > 0) points.push({ xMs: fromMs, yMs: Math.round(quantile(due, 0.95)) });
  }
  return { label, points };
}

const laned = await spike("lanes", "adaptive");
const bare = await spike("none", "adaptive", UNTIL_ANSWERED_MS);
const plot = {
  title: "Twelve times the exports: what payments take",
  xLabel: "time",
  yLabel: "response time (p95)",
  xMaxMs: SPIKE.endMs,
  curves: [curve("without lanes", "critical", bare), curve("with lanes", "critical", laned)],
  event: { xMs: SPIKE.fromMs, label: "12× exports" },
};
const images = new URL("../../docs/images/", import.meta.url);
writeFileSync(new URL("protect-http.svg", images), svgPlot(plot));
writeFileSync(new URL("protect-http.json", images), `${JSON.stringify(plot, undefined, 2)}\n`);
