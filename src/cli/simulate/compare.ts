/** Lanes side by side: as they were recorded, under today's policy, under the proposed one. */

import { showMs } from "../../verify/plot/plot.ts";
import type { Judged } from "../../verify/replay/summary.ts";
import { paint, table } from "../output.ts";

/** One column of the comparison: who, and how the lanes fared, most important first. */
export interface Side {
  readonly name: string;
  readonly lanes: readonly Judged[];
}

const HEAD = ["served", "shed", "wait p50", "p99", "objective", ""];

/** One resource as lines of text. Lanes that nobody asked for are left out. */
export function compareLines(sides: readonly Side[]): string[] {
  const asked = sides.flatMap(({ lanes }) => lanes.filter(({ arrivals }) => arrivals > 0));
  const names = [...new Set(asked.map(({ lane }) => lane))];
  const nameWidth = Math.max(...names.map((name) => name.length));
  const sideWidth = Math.max(...sides.map(({ name }) => name.length));
  const rows = names.flatMap((name) => {
    let isFirst = true;
    return sides.flatMap((side) => {
      const lane = side.lanes.find((each) => each.lane === name);
      if (lane === undefined || lane.arrivals === 0) return [];
      const label = (isFirst ? name : "").padEnd(nameWidth);
      isFirst = false;
      return [[`${label}  ${side.name.padEnd(sideWidth)}`, ...cells(lane)]];
    });
  });
  const lines = table([["", ...HEAD], ...rows]);
  return lines.map((line) => (line.endsWith("missed") ? paint(process.stdout, "yellow", line) : line));
}

function cells({ served, shed, waitMs, objective, waitMet, successMet }: Judged): string[] {
  const wanted = [showMs(objective.waitMs)];
  if (objective.success !== undefined) wanted.push(`${trimmed(objective.success * 100)} %`);
  const verdict = waitMet && successMet ? "met" : "missed";
  return [`${served}`, `${shed}`, showMs(waitMs.p50), showMs(waitMs.p99), wanted.join(", "), verdict];
}

/** Why tasks were refused, a line for each lane that refused any. */
export function shedLines(sides: readonly Side[]): string[] {
  return sides.flatMap(({ name, lanes }) =>
    lanes
      .filter(({ shed }) => shed > 0)
      .map(({ lane, shedBy, shed, cancelled }) => {
        const reasons = Object.entries(shedBy).map(([reason, count]) => `${reason} ${count}`);
        const left = cancelled === 0 ? "" : `; ${cancelled} callers left`;
        return `${name}: ${lane} shed ${shed}: ${reasons.join(", ")}${left}`;
      }),
  );
}

/** Whether every lane that was asked for met its objective. */
export function allMet(lanes: readonly Judged[]): boolean {
  return lanes.every(({ waitMet, successMet }) => waitMet && successMet);
}

/** A lane's numbers for JSON, in milliseconds to the microsecond. */
export function laneJson({
  arrivals,
  served,
  shed,
  cancelled,
  shedBy,
  waitMs,
  waitMet,
  successMet,
}: Judged): object {
  const rounded = { p50: micro(waitMs.p50), p99: micro(waitMs.p99), max: micro(waitMs.max) };
  return { arrivals, served, shed, cancelled, shedBy, waitMs: rounded, waitMet, successMet };
}

function micro(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

function trimmed(value: number): string {
  return String(Math.round(value * 1_000) / 1_000);
}
