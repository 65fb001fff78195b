/**
 * What a lane is for a process. The low lanes are lowered and nothing is raised: a machine on which every program asks to
 * be raised is one on which none is, and raising takes rights that a service should not have.
 */

import { invalid } from "../../core/errors.ts";
import type { PolicyLane } from "../../policy/policy.ts";

/** What a process of a lane gets from the kernel. */
export interface ProcessLevels {
  readonly lane: string;
  /** From -20 to 19; above 0 is lower than others. */
  readonly nice: number;
  /** A share of the processor beside others, 100 being that of any process; `idle`: only what nobody else needs. */
  readonly weight: number | "idle";
  /** `idle`: the disk only when nobody else uses it; `low`: behind others. */
  readonly io: "idle" | "low" | undefined;
  /** From -1000 to 1000: who is ended first when memory runs out. */
  readonly oomScoreAdj: number;
  /** Limits of all processes of the lane together, in bytes. */
  readonly memory: MemoryLevels;
}

/** Limits in bytes; those left out are not set. */
export interface MemoryLevels {
  /** Beyond it the lane is slowed down. */
  readonly highBytes?: number | undefined;
  /** Up to it the lane's memory is taken last. */
  readonly lowBytes?: number | undefined;
  /** Beyond it processes of the lane are ended. */
  readonly maxBytes?: number | undefined;
}

/** The fields of a lane that matter here; a `PolicyLane` has them. */
export type LaneForProcess = Pick<PolicyLane, "name" | "cpu" | "memory">;

/** The weight of a process that nobody has put anywhere. */
export const USUAL_WEIGHT = 100;

type Row = Pick<ProcessLevels, "nice" | "weight" | "oomScoreAdj">;

const ROWS: Readonly<Record<string, Row>> = {
  critical: { nice: 0, weight: USUAL_WEIGHT, oomScoreAdj: 0 },
  high: { nice: 0, weight: USUAL_WEIGHT, oomScoreAdj: 100 },
  normal: { nice: 0, weight: USUAL_WEIGHT, oomScoreAdj: 200 },
  low: { nice: 10, weight: 25, oomScoreAdj: 500 },
  bulk: { nice: 19, weight: "idle", oomScoreAdj: 800 },
};

/** From this nice on the disk is used behind others too. */
const LOW_IO_NICE = 5;

/** The levels of a lane: what its policy says, and for the rest its name's; `batch` answers to those of `bulk`. */
export function levelsOf(lane: LaneForProcess): ProcessLevels {
  const name = lane.name === "batch" ? "bulk" : lane.name;
  const row = (Object.hasOwn(ROWS, name) ? ROWS[name] : undefined) ?? ROWS["normal"]!;
  const { highBytes, lowBytes, maxBytes, oomScoreAdj = row.oomScoreAdj } = lane.memory ?? {};
  const { nice = row.nice, weight = row.weight } = lane.cpu ?? {};
  return {
    lane: lane.name,
    nice,
    weight,
    io: weight === "idle" ? "idle" : nice >= LOW_IO_NICE ? "low" : undefined,
    oomScoreAdj,
    memory: { highBytes, lowBytes, maxBytes },
  };
}

/**
 * The lane of that name, with its levels.
 *
 * @throws LanewayError `LANEWAY_INVALID` when there is none, naming those there are.
 */
export function laneNamed(place: string, lanes: readonly LaneForProcess[], name: string): ProcessLevels {
  const found = lanes.find((lane) => lane.name === name);
  if (found !== undefined) return levelsOf(found);
  throw invalid(place, `one of the lanes ${lanes.map((lane) => lane.name).join(", ")}`, name);
}
