/** What all pods of a lane in a namespace may come to: what the policy says, else its part of the namespace's capacity. */

import { invalid } from "../../core/errors.ts";
import { shares } from "../../core/seats.ts";
import type { LaneTotal } from "../../policy/lane-kubernetes.ts";
import type { PolicyLane } from "../../policy/policy.ts";
import { parseCpu, parseMemory } from "../../policy/quantities.ts";

/** What a namespace has to share out: `{ cpu: "40", memory: "160Gi", pods: 200 }`. */
export interface Capacity {
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: number;
}

/** Parts of a whole are counted in these. */
const PARTS = 100_000;

const MI = 2 ** 20;

/**
 * For each lane, most important first: the most that it could hold, which is its ceiling, or the capacity less what other
 * lanes keep for themselves. Undefined: it may hold everything, and nothing is to be said.
 *
 * @throws LanewayError `LANEWAY_INVALID` where a lane has seats: a namespace has none.
 */
export function totalsOf(lanes: readonly PolicyLane[], capacity: Capacity = {}): (LaneTotal | undefined)[] {
  const { pods } = capacity;
  const cpu = amount("cpu", capacity.cpu, parseCpu, "an amount of processor such as 40 or 500m");
  const memory = amount("memory", capacity.memory, parseMemory, "an amount of memory such as 160Gi");
  if (pods !== undefined && (!Number.isInteger(pods) || pods < 1 || pods > 1e6))
    throw invalid("capacity: pods", "a whole number of pods from 1 to 1000000", pods);
  const shared = cpu !== undefined || memory !== undefined || pods !== undefined;
  const parts = shared ? partsOf(lanes) : [];
  return lanes.map(({ kubernetes, exempt }, rank) => {
    const part = shared && !exempt ? parts[rank]! : PARTS;
    const due: LaneTotal =
      part === PARTS
        ? {}
        : {
            pods: pods === undefined ? undefined : Math.floor((pods * part) / PARTS),
            cpu: cpu === undefined ? undefined : `${Math.floor((cpu * part) / PARTS)}m`,
            memory: memory === undefined ? undefined : `${Math.floor((memory * part) / PARTS / MI)}Mi`,
          };
    const own = kubernetes?.total ?? {};
    const total = { pods: own.pods ?? due.pods, cpu: own.cpu ?? due.cpu, memory: own.memory ?? due.memory };
    return Object.values(total).every((each) => each === undefined) ? undefined : total;
  });
}

function amount(
  field: string,
  text: string | undefined,
  read: (text: string) => number | undefined,
  expected: string,
): number | undefined {
  if (text === undefined) return undefined;
  const value = read(text);
  if (value === undefined) throw invalid(`capacity: ${field}`, expected, text);
  return value;
}

function partsOf(lanes: readonly PolicyLane[]): number[] {
  for (const { name, reservation, lendable, ceiling, kubernetes } of lanes) {
    const seats = [reservation, lendable, ceiling].find((each) => typeof each === "number" && each > 0);
    if (seats === undefined || kubernetes?.total !== undefined) continue;
    throw invalid(
      "capacity",
      "lanes with percentages, which can be taken of a capacity",
      seats,
      `lane "${name}" counts in seats: give it kubernetes.total`,
    );
  }
  const specs = lanes.map(({ reservation, lendable, ceiling = "100%", exempt }) => ({
    reservation: exempt || typeof reservation === "number" ? 0 : reservation,
    lendable: typeof lendable === "number" ? ("0%" as const) : lendable,
    ceiling: typeof ceiling === "number" ? ("100%" as const) : ceiling,
  }));
  return shares(PARTS, specs).map(({ hold }) => hold);
}
