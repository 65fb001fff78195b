/**
 * The values of the lanes' classes. A value says nothing by itself: it must fall with the rank, and that of the default
 * lane should be 0, which is what a pod without a class has.
 */

import { invalid } from "../../core/errors.ts";
import { CLASS_VALUE_MAX } from "../../policy/lane-kubernetes.ts";
import type { LanesForCluster } from "./lanes.ts";

/** Of lanes that the policy gives no value. The lowest is deliberately below what a cluster grows for. */
const BY_NAME: Readonly<Record<string, number>> = {
  critical: 1_000_000,
  high: 100_000,
  normal: 0,
  low: -5,
  bulk: -1_000,
};

/** A cluster does not grow for pods below this. */
const EXPENDABLE_BELOW = -10;

const FIRST_ABOVE = 1_000_000;
const STEP_BELOW = 1_000;

/** The value that a lane has by its name alone; undefined where its neighbours decide. */
export function lanesByName(lane: string): number | undefined {
  const name = lane === "batch" ? "bulk" : lane;
  return Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined;
}

/**
 * A value for each lane, falling with the rank. Given values stand; then those by name, and 0 for the default lane, where
 * they fit; the others are spread evenly between their neighbours.
 *
 * @throws LanewayError `LANEWAY_INVALID` where given values leave no room.
 */
export function valuesByRank({ lanes, defaultLane }: LanesForCluster): number[] {
  const values: (number | undefined)[] = lanes.map(({ kubernetes }) => kubernetes?.value);
  const fault = misfit(values);
  if (fault !== undefined) {
    throw invalid(
      `lane "${lanes[fault]!.name}": kubernetes.value`,
      "a value that falls with the rank and leaves room for the lanes between",
      values[fault],
    );
  }
  const settle = (rank: number, value: number | undefined): void => {
    if (value === undefined || values[rank] !== undefined) return;
    values[rank] = value;
    if (misfit(values) !== undefined) values[rank] = undefined;
  };
  lanes.forEach(({ name }, rank) => settle(rank, lanesByName(name)));
  settle(
    lanes.findIndex(({ name }) => name === defaultLane),
    0,
  );
  return spread(values);
}

/** The first rank whose value is not below those above by as many as stand between, nor above those that must follow. */
function misfit(values: readonly (number | undefined)[]): number | undefined {
  let last = CLASS_VALUE_MAX + 1;
  let lastRank = -1;
  for (const [rank, value] of values.entries()) {
    if (value === undefined) continue;
    const isRoom =
      value <= last - (rank - lastRank) && value >= -CLASS_VALUE_MAX + (values.length - 1 - rank);
    if (!isRoom || !Number.isInteger(value)) return rank;
    last = value;
    lastRank = rank;
  }
  return undefined;
}

/** Fills the gaps. At least one value is there. */
function spread(values: readonly (number | undefined)[]): number[] {
  const first = values.findIndex((value) => value !== undefined);
  const last = values.findLastIndex((value) => value !== undefined);
  // Without any, which takes a default lane that is none: as if the last were it.
  if (first < 0) return spread(values.map((_value, rank) => (rank === values.length - 1 ? 0 : undefined)));
  const filled: number[] = [];
  for (const [rank, value] of values.entries()) {
    if (value !== undefined) filled.push(value);
    else if (rank < first) filled.push(above(values[first]!, first - rank, first));
    else if (rank > last) filled.push(below(values[last]!, rank - last, values.length - 1 - last));
    else filled.push(between(values, filled, rank));
  }
  return filled;
}

/** `steps` above `value`, of `all` that stand there. */
function above(value: number, steps: number, all: number): number {
  const top =
    value + all <= FIRST_ABOVE ? FIRST_ABOVE : Math.min(CLASS_VALUE_MAX, Math.max(value * 10, value + all));
  return value + Math.floor(((top - value) * steps) / all);
}

/** `steps` below: where there is room, a cluster still grows for them. */
function below(value: number, steps: number, all: number): number {
  const room = value - EXPENDABLE_BELOW;
  if (room > all) return value - Math.floor((room * steps) / (all + 1));
  const step = Math.min(STEP_BELOW, Math.floor((value + CLASS_VALUE_MAX) / all));
  return value - step * steps;
}

function between(values: readonly (number | undefined)[], filled: readonly number[], rank: number): number {
  const next = values.findIndex((value, index) => index > rank && value !== undefined);
  const before = filled[rank - 1]!;
  const lanes = next - rank;
  // Where there is room, a cluster still grows for them.
  const end =
    before - EXPENDABLE_BELOW >= lanes ? Math.max(values[next]!, EXPENDABLE_BELOW - 1) : values[next]!;
  return before - Math.floor((before - end) / (lanes + 1));
}
