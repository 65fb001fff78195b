/** The p99 of each second: of all lanes of a run, or of one lane in two runs. */

import { laneLook, runLook } from "../plot/looks.ts";
import type { Look } from "../plot/looks.ts";
import { markup } from "../plot/markup.ts";
import type { Markup } from "../plot/markup.ts";
import { logAxisTo, showMs } from "../plot/plot.ts";
import type { LogAxis } from "../plot/plot.ts";
import { drawPanel } from "../plot/panel.ts";
import type { Level } from "../plot/panel.ts";
import { along, curveOf, instants, legend, phaseStretches, timeScale } from "./figure.ts";
import { p99Levels } from "./objective-level.ts";
import { plural, showInstant } from "./words.ts";
import { secondsPerSlice, slicesOf } from "./seconds.ts";
import type { Slice } from "./seconds.ts";
import type { LaneResult, VerifyReport } from "./result.ts";

/** More columns than this no screen shows apart. */
const MOST = 120;

/** One curve of such a plot. */
export interface TimeCurve {
  readonly label: string;
  readonly look: Look;
  readonly lane: LaneResult;
}

/** The lanes of one run, a curve each. */
export function laneCurves(lanes: readonly LaneResult[]): TimeCurve[] {
  return lanes.map((lane, rank) => ({ label: lane.lane, look: laneLook(rank), lane }));
}

/** One lane in each run that has it, a curve each. */
export function runCurves({ runs }: VerifyReport, name: string): TimeCurve[] {
  return runs.flatMap((run, index) => {
    const lane = run.lanes.find((one) => one.lane === name);
    return lane === undefined ? [] : [{ label: run.name, look: runLook(index), lane }];
  });
}

/** An axis on which all seconds and objectives of these lanes have a place. */
export function axisOver(lanes: readonly LaneResult[]): LogAxis {
  const times = lanes.flatMap((lane) => [
    ...p99Levels(lane).map(({ ms }) => 2 * ms),
    ...lane.seconds.map(({ p99 }) => (p99 !== undefined && Number.isFinite(p99) ? p99 : 0)),
  ]);
  return logAxisTo(times.reduce((most, time) => Math.max(most, time), 0));
}

/** The plot. Objectives are ruled in the colour of their curve, once where two curves have the same. */
export function overTime(
  report: VerifyReport,
  curves: readonly TimeCurve[],
  options: { readonly label: string; readonly height: number; readonly axis: LogAxis },
): Markup {
  const { axis, height, label } = options;
  const sliced = curves.map((curve) => ({ ...curve, slices: slicesOf(curve.lane, report.durationMs, MOST) }));
  return drawPanel({
    label: `${label}, ${told(report, sliced)}`,
    height,
    xTicks: instants(report),
    yTicks: timeScale(axis),
    stretches: phaseStretches(report),
    levels: levels(report, curves, axis),
    curves: sliced.map(({ look, slices }) => {
      const middle = ({ fromMs, untilMs }: Slice): number => along((fromMs + untilMs) / 2, report);
      return curveOf(
        look,
        slices.map((slice) =>
          slice.p99 === undefined ? undefined : { x: middle(slice), y: axis.position(slice.p99) },
        ),
        slices.filter(({ lost }) => lost).map(middle),
      );
    }),
    tips: (sliced[0]?.slices ?? []).map(({ fromMs, untilMs }, index) => ({
      from: along(fromMs, report),
      until: along(untilMs, report),
      label: [
        showInstant(fromMs),
        ...sliced.map((curve) => `${curve.label} ${p99Text(curve.slices[index])}`),
      ].join("\n"),
    })),
  });
}

/** Its legend, with the cross where one of the drawn curves has one. */
export function timeLegend(
  report: VerifyReport,
  entries: readonly TimeCurve[],
  drawn: readonly TimeCurve[] = entries,
): Markup {
  const lost = drawn.some(({ lane }) => slicesOf(lane, report.durationMs, MOST).some((slice) => slice.lost));
  const cross = markup`<span><svg class="glyph" width="8" height="8" aria-hidden="true"><use href="#lost" width="8" height="8"/></svg> a second in which none was served</span>`;
  return legend(entries, lost ? cross : undefined);
}

/** The rows of its table: an instant and each curve's p99. */
export function overTimeRows(report: VerifyReport, curves: readonly TimeCurve[]): string[][] {
  const sliced = curves.map(({ lane }) => slicesOf(lane, report.durationMs, MOST));
  return (sliced[0] ?? []).map(({ fromMs }, index) => [
    showInstant(fromMs),
    ...sliced.map((slices) => p99Text(slices[index])),
  ]);
}

/** What a column of the plot is: `each second`, or `the worst second of each 5`. */
export function columnsText({ durationMs }: VerifyReport): string {
  const size = secondsPerSlice(durationMs, MOST);
  return size === 1 ? "each second" : `the worst second of each ${size}`;
}

function told(
  report: VerifyReport,
  sliced: readonly { readonly label: string; readonly slices: readonly Slice[] }[],
): string {
  const worst = sliced.map(({ label, slices }) => {
    const times = slices.flatMap(({ p99 }) => p99 ?? []);
    const lost = slices.filter((slice) => slice.lost).length;
    const gaps = lost === 0 ? "" : `, none served at ${plural(lost, "place")}`;
    return times.length === 0
      ? `${label}: nothing served`
      : `${label}: worst ${showMs(Math.max(...times))}${gaps}`;
  });
  const phases = report.phases.map(({ name }) => name).join(", ");
  return `${worst.join("; ")}${phases === "" ? "" : `. Phases: ${phases}`}.`;
}

/** What the judged run promises of each curve's lane, once. Another run promises nothing, and is held against the same. */
function levels(report: VerifyReport, curves: readonly TimeCurve[], axis: LogAxis): Level[] {
  const lanes = new Set<string>();
  const alone = new Set(curves.map(({ lane }) => lane.lane)).size === 1;
  return curves.flatMap(({ lane: { lane }, look }) => {
    const promising = report.runs[0].lanes.find((one) => one.lane === lane);
    if (promising === undefined || lanes.has(lane)) return [];
    lanes.add(lane);
    return p99Levels(promising).map(({ ms, during }) => {
      const phase = report.phases.find(({ name }) => name === during);
      return {
        at: axis.position(ms),
        label: `${alone ? "" : `${lane} `}p99 < ${showMs(ms)}`,
        look,
        ...(phase === undefined
          ? {}
          : { from: along(phase.fromMs, report), until: along(phase.untilMs, report) }),
      };
    });
  });
}

function p99Text(slice: Slice | undefined): string {
  if (slice?.p99 === undefined) return slice?.lost === true ? "none served" : "–";
  return slice.lost ? `${showMs(slice.p99)}, or none served` : showMs(slice.p99);
}
